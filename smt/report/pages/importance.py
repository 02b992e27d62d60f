"""The HTML page of a measurement of feature importance."""

from collections.abc import Sequence
from html import escape

from smt.report import numbers
from smt.report.document import Rows, caption, fact_list, html_document, html_table, write_page
from smt.report.figures.embed import embed
from smt.report.figures.importance import SHOWN, importance_figure
from smt.results.folder import read_result
from smt.results.importance import IMPORTANCE, ImportanceResult, Method, RankedFeature, Ranking
from smt.storage import Folder

MEANING: dict[Method, str] = {
    "permutation": "By how much the normalized loss rises on held-out rows where the feature's "
    "values are those of other rows. At or below zero, the network does as well without.",
    "gradient": "The mean absolute change of an example's loss that is due to the feature's "
    "value, to first order. Changes of both signs count, so it is never negative; compare "
    "it within the method only.",
}


def write_importance_report(folder: Folder) -> str:
    """Write the report beside a `result.json` of importances, and return its path."""
    result = read_result(folder, ImportanceResult)
    return write_page(folder, importance_page(result, folder.path(IMPORTANCE)))


def importance_page(result: ImportanceResult, table: str) -> str:
    """The page, as HTML.

    Args:
        table: Where the table for selections is.
    """
    title = f"Importance of features in fleet {result.fleet}"
    sections = [
        f"<p class=verdict>A template selects by it with "
        f"<b>features.selection.importance: {escape(table)}</b></p>",
        _facts(result),
        *(_method(name, ranking) for name, ranking in result.ranking.items()),
        _models(result),
        _failures(result),
    ]
    return html_document(title, sections, result.to_dict())


def _facts(result: ImportanceResult) -> str:
    settings = result.settings
    return fact_list(
        {
            "fleet": result.fleet,
            "templates": ", ".join(result.templates),
            "models": numbers.count(len(result.models)),
            "method": settings.method,
            "permutations a feature": numbers.count(settings.repeats),
            "seed": str(settings.seed),
        }
    )


def _method(method: Method, ranking: Ranking) -> str:
    sections = "".join(
        f"<section><h3>{kind}: {numbers.plural(len(features), 'feature')}</h3>"
        f"{embed(importance_figure(features), f'{method}-{kind}')}"
        f"{_table(features, f'{method}-{kind}-table')}"
        "</section>"
        for kind, features in ranking.items()
    )
    text = (
        f"{MEANING[method]} Bars: mean over the models that "
        f"read the feature, with one standard error, and the first {SHOWN} of a type; dots: models."
    )
    return f"<h2>By {method}</h2>{caption(text)}{sections}"


def _table(features: Sequence[RankedFeature], name: str) -> str:
    rows = (
        {
            "#: n": str(place),
            "feature": feature.feature,
            "importance: n": numbers.percent(feature.importance),
            "standard error: n": numbers.spread(feature.sem),
            "models: n": str(len(feature.by_model)),
        }
        for place, feature in enumerate(features, 1)
    )
    return html_table(name, rows)


def _models(result: ImportanceResult) -> str:
    rows: Rows = (
        {
            "model": model.model,
            "events": ", ".join(model.events),
            "loss: n": numbers.loss(model.ne),
            "measured rows: n": model.rows,
        }
        for model in result.models
    )
    text = (
        "Networks learnt from the "
        "first part of the training window and were measured on its last; the test window was "
        "left alone."
    )
    return f"<h2>Models</h2>{html_table('models', rows)}{caption(text)}"


def _failures(result: ImportanceResult) -> str:
    if not result.failures:
        return "<h2>Failures</h2><p id=failures>None: all models were measured.</p>"
    rows = ({"model": model, "reason: reason": why} for model, why in result.failures.items())
    return f"<h2>Failures</h2>{html_table('failures', rows)}"
