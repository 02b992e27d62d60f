"""What a fleet's models chose for what their template exposes."""

from smt.report import numbers
from smt.report.document import Rows, caption, html_table
from smt.results.launch import TunedHyperparameter, TuningSummary


def tuning_section(tuning: TuningSummary | None) -> str:
    """The section, as HTML; nothing where no model was tuned."""
    if tuning is None:
        return ""
    rows: Rows = (
        {
            "hyperparameter": place,
            "default: n": numbers.short(tuned.default),
            "values chosen: n": _values(tuned),
            "models that chose: n": " of ".join(map(numbers.count, (tuned.chosen, tuned.searched))),
            "models with the fleet's value: n": tuned.set,
        }
        for place, tuned in tuning.hyperparameters.items()
    )
    text = (
        "Values were compared on the latest of each model's training rows, never "
        "on the test window, and are chosen where surely better than the template's defaults "
        "there, and again on earlier rows from another seed. Baselines are not tuned."
    )
    return (
        f"<h2>What models chose for themselves</h2><p>{_sentence(tuning)}</p>"
        f"{html_table('tuning', rows)}{caption(text)}{_failed(tuning)}"
    )


def _sentence(tuning: TuningSummary) -> str:
    text = (
        f"Of {numbers.plural(tuning.models, 'model')} to tune, {tuning.chosen} chose values "
        f"of their own and {tuning.kept} kept the defaults"
    )
    if tuning.failed:
        text += f"; {len(tuning.failed)} could not be tuned"
    text += f". It took {numbers.plural(tuning.evaluations, 'evaluation')}"
    if tuning.failures:
        text += f", of which {tuning.failures} failed"
    if tuning.gain is not None:
        gain = numbers.percent(tuning.gain)
        text += f". On the rows that confirmed them, the median gain is {gain}"
    return f"{text}."


def _values(tuned: TunedHyperparameter) -> str:
    if tuned.values is None:
        least, middle, most = map(numbers.short, (tuned.least, tuned.median, tuned.most))
        return f"{least} to {most}, median {middle}"
    counted = (f"{numbers.short(value)} × {count}" for value, count in tuned.values)
    return ", ".join(counted) or numbers.MISSING


def _failed(tuning: TuningSummary) -> str:
    if not tuning.failed:
        return ""
    rows = (
        {"model": model.model, "why it has the defaults": model.remark or ""}
        for model in tuning.failed
    )
    return html_table("not_tuned", rows)
