"""What a fleet's models chose for what their template exposes."""

from html import escape
from typing import Any

from smt.report import numbers
from smt.report.html_table import html_table


def tuning_section(tuning: dict[str, Any] | None) -> str:
    """The section, as HTML; nothing where no model was tuned.

    Args:
        tuning: Of `result.json`.
    """
    if tuning is None:
        return ""
    head = (
        "<th>hyperparameter<th class=n>default<th class=n>values chosen<th class=n>models that "
        "chose<th class=n>models with the fleet's value"
    )
    table = (
        [
            ("", escape(place)),
            ("n", escape(numbers.short(each["default"]))),
            ("n", escape(_values(each))),
            ("n", f"{numbers.count(each['chosen'])} of {numbers.count(each['searched'])}"),
            ("n", numbers.count(each["set"])),
        ]
        for place, each in tuning["hyperparameters"].items()
    )
    return (
        f"<h2>What models chose for themselves</h2><p>{_sentence(tuning)}</p>"
        f"{html_table('tuning', head, table)}"
        "<p class=caption>Values were compared on the latest of each model's training rows, never "
        "on the test window, and are chosen where surely better than the template's defaults "
        "there, and again on earlier rows from another seed. Baselines are not tuned.</p>"
        f"{_failed(tuning)}"
    )


def _sentence(tuning: dict[str, Any]) -> str:
    text = (
        f"Of {numbers.plural(tuning['models'], 'model')} to tune, {tuning['chosen']} chose values "
        f"of their own and {tuning['kept']} kept the defaults"
    )
    if tuning["failed"]:
        text += f"; {len(tuning['failed'])} could not be tuned"
    text += f". It took {numbers.plural(tuning['evaluations'], 'evaluation')}"
    if tuning["failures"]:
        text += f", of which {tuning['failures']} failed"
    if tuning["gain"] is not None:
        gain = numbers.percent(tuning["gain"])
        text += f". On the rows that confirmed them, the median gain is {gain}"
    return f"{text}."


def _values(each: dict[str, Any]) -> str:
    if "least" in each:
        least, middle, most = (numbers.short(each[key]) for key in ("least", "median", "most"))
        return f"{least} to {most}, median {middle}"
    counted = (f"{numbers.short(value)} × {count}" for value, count in each["values"])
    return ", ".join(counted) or numbers.MISSING


def _failed(tuning: dict[str, Any]) -> str:
    if not tuning["failed"]:
        return ""
    table = (
        [("", escape(each["model"])), ("", escape(each["remark"]))] for each in tuning["failed"]
    )
    return html_table("not_tuned", "<th>model<th>why it has the defaults", table)
