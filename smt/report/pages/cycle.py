"""The HTML page that leads through a turn of the wheel: search, version, launch."""

from html import escape

from smt.report import numbers
from smt.report.document import Rows, badge, caption, html_document, html_table, write_page
from smt.report.pages.backtest import groups_section
from smt.report.pages.fleet import fleet_section
from smt.report.pages.launch import changes_section
from smt.report.pages.technique_tables import representative_table, technique_table
from smt.report.terminal.launch import instances_sentence
from smt.results.cycle import LAUNCH, SEARCH, Cycle, read_cycle
from smt.results.folder import write_result
from smt.results.integration import IntegrationResult
from smt.storage import Folder


def write_cycle_report(folder: Folder) -> str:
    """Write `result.json` and the page above the turn's three runs, and return the page's path."""
    cycle = read_cycle(folder)
    write_result(folder, cycle.result)
    return write_page(folder, cycle_page(cycle))


def cycle_page(cycle: Cycle) -> str:
    """The page, as HTML; links lead to the whole report of every step."""
    result = cycle.result
    title = f"From fleet {result.fleet} to {numbers.listing([*result.versions])}, and back"
    sections = [_verdict(cycle), _fleet(cycle), _search(cycle), _versions(cycle), _launch(cycle)]
    return html_document(title, sections, result.to_dict())


def _verdict(cycle: Cycle) -> str:
    result = cycle.result
    entered = [name for name, generalizes in result.techniques.items() if generalizes]
    verb = "generalize" if len(entered) > 1 else "generalizes"
    total = numbers.plural(len(result.techniques), "technique")
    untried = cycle.search.result.untried
    but = f", {numbers.listing([*untried])} at no θ" if untried else ""
    steps = [
        f"{numbers.plural(result.models, 'model')}, for which {result.representatives} stand in",
        f"{total} tried on these{but}, {numbers.plural(result.evaluations, 'evaluation')}: "
        f"{numbers.listing(entered) if entered else 'none'} {verb}",
        *(f"{version} is {decision}" for version, decision in result.versions.items()),
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
    reasons += "".join(
        f"<li><b>{escape(name)}</b> {badge(False, 'not tried')} {escape(why)}.</li>"
        for name, why in cycle.search.result.untried.items()
    )
    return (
        "<h2>2. Techniques, tried on all of them at once</h2>"
        f"<ul>{reasons}</ul>{technique_table(cycle.search, f'{SEARCH}/report.html')}{_link(SEARCH)}"
    )


def _versions(cycle: Cycle) -> str:
    several = len(cycle.integrations) > 1
    head = "The next version of each template" if several else "The next version of the template"
    parts = [f"<h2>3. {head}</h2>"]
    for index, (place, integration) in enumerate(cycle.integrations.items(), 1):
        if several:
            parts.append(f"<h3>{escape(integration.template)}@{integration.number}</h3>")
        parts.append(_version(place, integration, f"-{index}" if several else ""))
    parts += [
        f"<p>{escape(name)} gets no version: {escape(reason)}.</p>"
        for name, reason in cycle.not_made.items()
    ]
    return "".join(parts)


def _version(place: str, integration: IntegrationResult, mark: str) -> str:
    """What changes, and what that is worth; the mark ends the ids of its tables."""
    rows: Rows = (
        {"place": change.place, "before": change.before, "after": change.after}
        for change in integration.changes
    )
    return (
        f"<p>{badge(integration.kept, integration.decision)} {escape(integration.reason)}.</p>"
        f"{html_table(f'places{mark}', rows)}{groups_section(integration, f'groups{mark}')}"
        f"{_link(place)}"
    )


def _launch(cycle: Cycle) -> str:
    return (
        "<h2>4. The fleet, made from what is kept</h2>"
        f"{changes_section(cycle.launch, cycle.launched)}{_link(LAUNCH)}"
    )


def _link(step: str) -> str:
    return caption(f"All of it: <a href='{step}/report.html'>{step}/report.html</a>")
