"""The report's tables, as HTML."""

from collections.abc import Iterable, Sequence
from html import escape

from smt.report import numbers
from smt.report.contents import Run, Technique


def technique_table(run: Run) -> str:
    """What the search of every technique came to."""
    head = (
        "<tr><th rowspan=2>technique<th rowspan=2>generalizes<th rowspan=2 class=n>A*"
        "<th rowspan=2 class=n>μ ± standard error<th rowspan=2 class=n>R"
        "<th colspan=3 class=c>models"
        "<th rowspan=2>θ*<th rowspan=2>source</tr>"
        "<tr><th class=n>helped<th class=n>neutral<th class=n>regressed</tr>"
    )
    rows = (_technique_row(index, each, run) for index, each in enumerate(run.techniques, 1))
    return _table("techniques", head, rows)


def representative_table(run: Run) -> str:
    """The representative models and their baselines."""
    head = (
        "<tr><th class=n>#<th>model<th class=n>weight<th class=n>baseline NE"
        "<th class=n>FLOPs<th class=n>training rows<th class=n>test rows</tr>"
    )
    rows = (
        _row(
            [
                ("n", str(index)),
                ("", escape(each.model)),
                ("n", f"{100 * each.weight:.3f}%"),
                ("n", numbers.entropy(each.ne)),
                ("n", numbers.count(each.flops)),
                ("n", numbers.count(each.train_rows)),
                ("n", numbers.count(each.test_rows)),
            ]
        )
        for index, each in enumerate(run.representatives, 1)
    )
    return _table("representatives", head, rows)


def failure_table(run: Run) -> str:
    """Every failed evaluation with its reason, or a line that there is none."""
    if not run.failures:
        return f"<p id=failures>None: all {run.evaluations} evaluations succeeded.</p>"
    head = "<tr><th>technique<th class=n>trial<th>model<th>reason</tr>"
    rows = (
        _row(
            [
                ("", escape(each.technique or "baseline")),
                ("n", numbers.MISSING if each.trial is None else str(each.trial)),
                ("", escape(each.model)),
                ("reason", escape(each.reason)),
            ]
        )
        for each in run.failures
    )
    return _table("failures", head, rows)


def _technique_row(index: int, technique: Technique, run: Run) -> str:
    shown = technique.shown_trial
    verdict = (
        "<span class='badge yes'>yes</span>"
        if technique.generalizes
        else "<span class='badge no'>no</span>"
    )
    which = f"trial {shown.number}" if technique.feasible else f"nearest: trial {shown.number}"
    chance = technique.feasible_probability
    sure = "" if chance is None else f"<br><span class=which>P(R ≤ ε) {chance:.2f}</span>"
    mean = f"{numbers.percent(shown.mean)} ± {numbers.spread(shown.mean_sem)}"
    too_many = shown.regression_rate > run.settings["epsilon"]
    bad = "n bad" if too_many else "n"
    return _row(
        [
            ("", f"<a href='#technique-{index}'>{escape(technique.name)}</a>"),
            ("", verdict),
            ("n", numbers.percent(shown.value, missing=numbers.MINUS_INFINITY)),
            ("n", mean),
            (bad, numbers.rate(shown.regression_rate) + sure),
            ("n", str(shown.helped)),
            ("n", str(shown.neutral)),
            (bad, str(shown.regressed)),
            (
                "theta",
                f"<span class=which>{which}</span><br>"
                + escape(numbers.theta(shown.theta, between="\n")).replace("\n", "<br>"),
            ),
            ("source", escape(technique.source)),
        ],
        kind="" if technique.feasible else "nearest",
    )


def _row(cells: Sequence[tuple[str, str]], kind: str = "") -> str:
    inner = "".join(f"<td class='{role}'>{content}</td>" for role, content in cells)
    return f"<tr class='{kind}'>{inner}</tr>"


def _table(name: str, head: str, rows: Iterable[str]) -> str:
    body = "\n".join(rows)
    return (
        f"<div class=wide><table id={name}><thead>{head}</thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )
