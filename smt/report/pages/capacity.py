"""The HTML page of which templates a fleet's models get within a budget."""

from html import escape

from smt.report import numbers
from smt.report.document import Rows, caption, fact_list, html_document, html_table, write_page
from smt.report.figures.capacity import frontier_figure
from smt.report.figures.embed import embed
from smt.report.terminal.capacity import capacity_sentences
from smt.results.capacity import CapacityResult
from smt.results.folder import read_result
from smt.storage import Folder


def write_capacity_report(folder: Folder) -> str:
    """Write the report beside the `result.json`, and return its path."""
    return write_page(folder, capacity_page(read_result(folder, CapacityResult)))


def capacity_page(result: CapacityResult) -> str:
    """The page, as HTML."""
    first, _, *others = capacity_sentences(result)
    sections = [
        f"<p class=verdict>{escape(first)}.</p>",
        fact_list(
            {
                "models": numbers.count(len(result.choices)),
                "budget, of today's FLOPs": f"{result.budget:g}",
                "1% more FLOPs would bring": f"{result.shadow_price:+.4f}%",
                "launches": ", ".join(result.launches),
            }
        ),
        *(f"<p>{escape(sentence)}.</p>" for sentence in others),
        "<h2>What a budget buys</h2>",
        embed(frontier_figure(result), "frontier"),
        caption(
            "Each mark is the choice of a template for every model that gains most at that cost, "
            "an integer programme solved exactly; both axes are by traffic. Gains are as measured, "
            "and a choice prefers what was measured high: what it brings is somewhat less, most "
            "where standard errors are near the differences."
        ),
        f"<h2>Templates</h2>{html_table('templates', _templates(result))}",
        f"<h2>Models</h2>{html_table('models', _models(result))}",
    ]
    return html_document(f"Fleet {result.fleet} within its capacity", sections, result.to_dict())


def _templates(result: CapacityResult) -> Rows:
    for name, template in result.templates.items():
        yield {
            "template": name,
            "models: n": template.models,
            "traffic: n": f"{template.traffic:.1%}",
            "mean Δ: n": numbers.percent(template.gain),
        }


def _models(result: CapacityResult) -> Rows:
    for choice in sorted(result.choices, key=lambda choice: (-choice.weight, choice.model)):
        yield {
            "model": choice.model,
            "traffic: n": f"{choice.weight:g}",
            "today": choice.today,
            "template": choice.template,
            "Δ: n": numbers.measured(choice.gain, choice.sem),
            "FLOPs / today: n": round(choice.flops_today),
            "FLOPs / chosen: n": round(choice.flops),
        }
