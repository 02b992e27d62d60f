"""The HTML page that leads through a turn of the wheel: search, version, launch."""

from html import escape

from smt.report import numbers
from smt.report.document import Rows, badge, caption, html_document, html_table, write_page
from smt.report.pages.backtest import groups_section
from smt.report.pages.fleet import fleet_section
from smt.report.pages.launch import changes_section
from smt.report.pages.technique_tables import representative_table, technique_table
from smt.report.terminal.launch import instances_sentence
from smt.results.cycle import LAUNCH, SEARCH, VERSION, Cycle, read_cycle
from smt.results.folder import write_result
from smt.storage import Folder


def write_cycle_report(folder: Folder) -> str:
    """Write `result.json` and the page above the turn's three runs, and return the page's path."""
    cycle = read_cycle(folder)
    write_result(folder, cycle.result)
    return write_page(folder, cycle_page(cycle))


def cycle_page(cycle: Cycle) -> str:
    """The page, as HTML; links lead to the whole report of every step."""
    result = cycle.result
    title = f"From fleet {result.fleet} to {result.version}, and back"
    sections = [_verdict(cycle), _fleet(cycle), _search(cycle), _version(cycle), _launch(cycle)]
    return html_document(title, sections, result.to_dict())


def _verdict(cycle: Cycle) -> str:
    result = cycle.result
    entered = [name for name, generalizes in result.techniques.items() if generalizes]
    verb = "generalize" if len(entered) > 1 else "generalizes"
    total = numbers.plural(len(result.techniques), "technique")
    steps = [
        f"{numbers.plural(result.models, 'model')}, for which {result.representatives} stand in",
        f"{total} tried on these, {numbers.plural(result.evaluations, 'evaluation')}: "
        f"{numbers.listing(entered) if entered else 'none'} {verb}",
        f"{result.version} is {result.decision}",
        instances_sentence(cycle.launch, numbers.percent),
    ]
    items = "".join(f"<li>{escape(step)}.</li>" for step in steps)
    return f"<div class=verdict><ol>{items}</ol></div>"


def _fleet(cycle: Cycle) -> str:
    figures = fleet_section(cycle.search.models, cycle.search.result)
    table = representative_table(cycle.search)
    return f"<h2>1. The models that stand for the fleet</h2>{figures}{table}"


def _search(cycle: Cycle) -> str:
    reasons = "".join(
        f"<li><b>{escape(technique.name)}</b> "
        f"{badge(technique.generalizes, technique.kind or 'does not generalize')} "
        f"{escape(technique.reason)}.</li>"
        for technique in cycle.search.result.techniques
    )
    return (
        "<h2>2. Techniques, tried on all of them at once</h2>"
        f"<ul>{reasons}</ul>{technique_table(cycle.search, f'{SEARCH}/report.html')}{_link(SEARCH)}"
    )


def _version(cycle: Cycle) -> str:
    integration = cycle.integration
    rows: Rows = (
        {"place": change.place, "before": change.before, "after": change.after}
        for change in integration.changes
    )
    return (
        "<h2>3. The next version of the template</h2>"
        f"<p>{badge(integration.kept, integration.decision)} {escape(integration.reason)}.</p>"
        f"{html_table('places', rows)}{groups_section(integration)}{_link(VERSION)}"
    )


def _launch(cycle: Cycle) -> str:
    return (
        "<h2>4. The fleet, made from it</h2>"
        f"{changes_section(cycle.launch, cycle.launched)}{_link(LAUNCH)}"
    )


def _link(step: str) -> str:
    return caption(f"All of it: <a href='{step}/report.html'>{step}/report.html</a>")
