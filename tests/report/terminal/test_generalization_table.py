"""The terminal's view of a result that is small enough to write down."""

import math
from typing import Any

import pytest
from made_generalization import made_replication, made_result, made_technique, made_trial
from rich.console import Console

from smt.report.terminal.generalization import (
    FEW,
    heavy_model_warning,
    holdout_failures,
    reasons,
    remarks,
    short_window_warning,
    technique_table,
)
from smt.results.generalization import GeneralizationResult, ShortWindow
from smt.results.savings import Savings
from smt.results.technique import HoldoutRecord, Replication, TechniqueRecord
from smt.search.delta import Delta
from smt.search.settings import Settings

LONGEST = "piecewise_linear_numerics"


@pytest.fixture
def result() -> GeneralizationResult:
    return made_result([_technique(LONGEST), _technique("weak")], fleet="made")


def _technique(name: str, **changes: Any) -> TechniqueRecord:
    shown = {
        "theta": {"learning_rate_of_the_tables": 0.000123456, "form": "[bold]"},
        "value": 0.123,
        "mean": 0.123,
        "interval": (-0.0101, 0.2561),
        "regression_rate": 0.5,
        "feasible_probability": 0.97,
        "helped": 1,
        "neutral": 0,
        "regressed": 1,
        **changes.pop("shown", {}),
    }
    return made_technique(
        name, shown=shown, trials=(made_trial(0), made_trial(1, skipped=1)), **changes
    )


def _with(result: GeneralizationResult, **changes: Any) -> GeneralizationResult:
    """The result with a first technique that is changed."""
    first = _technique(LONGEST, **changes)
    return result.model_copy(update={"techniques": (first, *result.techniques[1:])})


def _again() -> Replication:
    return made_replication((1, 2), {"a": 0.1, "b": math.nan})


def _holdout(passes: bool, replication: Replication) -> HoldoutRecord:
    return HoldoutRecord(**dict(replication), passes=passes, reason="")


def _printed(result: GeneralizationResult) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(technique_table(result))
    return captured.get()


def test_the_table_fits_120_columns_and_cuts_nothing(result: GeneralizationResult) -> None:
    text = _printed(result)
    assert max(map(len, text.splitlines())) <= 120
    assert LONGEST in text
    assert "…" not in text
    column = next(line.index("θ*") for line in text.splitlines() if "θ*" in line)
    theta = "".join(line[column:] for line in text.splitlines()).replace(" ", "")
    assert "learning_rate_of_the_tables=0.0001235" in theta


def test_a_row_shows_the_numbers_of_the_verdict(result: GeneralizationResult) -> None:
    text = _printed(result)
    for number in ("+0.123%", "-0.010 to +0.256", "0.50", "0.97", "[bold]"):
        assert number in text


def test_a_saver_is_told_from_a_gain(result: GeneralizationResult) -> None:
    saved = {"savings": Savings(flops=0.0, bytes=0.72)}
    rows = _printed(_with(result, kind="saving", shown=saved)).splitlines()
    words = [" ".join(row.split()[:4]) for row in rows]
    assert any(row.startswith("saving") for row in words)
    assert any(row.startswith("72% of bytes") for row in words)
    # The other technique gains.
    assert any(row.startswith("gain") for row in words)
    assert max(map(len, rows)) <= 120


def test_what_is_unknown_is_said(result: GeneralizationResult) -> None:
    unknown = {"value": None, "mean": None, "interval": None, "feasible_probability": None}
    result = _with(result, shown=unknown)
    row = next(line for line in _printed(result).splitlines() if LONGEST in line)
    assert row.split()[1:4] == ["yes", "-inf", "nan"]


def test_a_rate_over_some_of_the_models_is_shown_as_a_bound(result: GeneralizationResult) -> None:
    assert ">= 0.50" not in _printed(result)
    result = _with(result, shown={"skipped": 3})
    assert _printed(result).count(">= 0.50") == 1


def test_evaluations_on_fresh_seeds_are_counted_apart(result: GeneralizationResult) -> None:
    assert "fresh" not in _printed(result).replace("on fresh seeds", "")
    # Two seeds of two models, failed ones too; then two seeds of one model.
    twice = (_again(), _again())
    assert "+8 fresh" in _printed(_with(result, confirmation=twice))
    holdout = _holdout(True, made_replication((1, 2), {"c": 0.1}))
    assert "+10 fresh" in _printed(_with(result, confirmation=twice, holdout=holdout))


def test_the_caption_says_what_it_takes_to_generalize(result: GeneralizationResult) -> None:
    assert "on fresh seeds" in _printed(result)
    settings = Settings(paper_exact=True, sequential=True)
    text = _printed(result.model_copy(update={"settings": settings}))
    assert "in the search" in text
    assert "each on top of those accepted before it" in text


def test_every_technique_has_its_reason(result: GeneralizationResult) -> None:
    assert [*reasons(result)] == [f"{LONGEST}: {LONGEST} is [good]", "weak: weak is [good]"]


def test_only_techniques_that_the_holdout_took_out_are_named(result: GeneralizationResult) -> None:
    assert holdout_failures(result) is None
    passing = _technique(LONGEST, holdout=_holdout(True, _again()))
    assert holdout_failures(made_result([passing])) is None
    failing = _technique("weak", holdout=_holdout(False, _again()))
    line = holdout_failures(made_result([passing, failing]))
    assert line is not None
    assert line.endswith(": weak")


def test_the_warning_names_the_window_that_lacks_most(result: GeneralizationResult) -> None:
    assert short_window_warning(result) is None
    short = {
        "a": ShortWindow(rows=1000, needed=2000, sem=0.1),
        "b": ShortWindow(rows=5000, needed=50000, sem=0.1),
    }
    line = short_window_warning(result.model_copy(update={"short_windows": short}))
    assert line is not None
    assert "2 of 2 models" in line
    assert "b has 5,000 and needs 50,000" in line


def test_a_warning_names_the_few_models_that_decide_the_mean(result: GeneralizationResult) -> None:
    assert heavy_model_warning(result) is None
    shares = {"a": 0.1, "b": 0.7, "c": 0.1, "d": 0.1}
    (any_model, *_) = result.representatives
    models = tuple(
        any_model.model_copy(update={"model": name, "weight": share})
        for name, share in shares.items()
    )
    skewed = result.model_copy(update={"representatives": models})
    line = heavy_model_warning(skewed)
    assert line is not None
    assert "4 models tell as much of μ as 1.9 alike; the heaviest are b 70%, a 10%" in line
    assert line in remarks(skewed)


def test_remarks_are_all_lines_that_there_are(result: GeneralizationResult) -> None:
    assert remarks(result) == [*reasons(result)]
    short = {"a": ShortWindow(rows=1, needed=2, sem=0.1)}
    result = result.model_copy(update={"short_windows": short})
    assert remarks(result)[-1] == short_window_warning(result)


def test_a_technique_that_does_not_fit_all_templates_says_on_how_many_models_it_was(
    result: GeneralizationResult,
) -> None:
    many = tuple("abcdefghijkl")
    everywhere = _technique(LONGEST, shown={"deltas": dict.fromkeys(many, Delta.measured(0.1))})
    towers = dict.fromkeys(many[:FEW], Delta.measured(0.1))
    some = _technique("some", shown={"deltas": towers})
    few = _technique("few", shown={"deltas": {"a": Delta.measured(0.1)}})
    lines = remarks(made_result([everywhere, some, few], representatives=many))
    assert lines[3:] == [
        "some: searched on 10 of 12 representatives, those that it may change",
        "few: searched on 1 of 12 representatives, those that it may change; fewer than 10 "
        "tell little",
    ]
