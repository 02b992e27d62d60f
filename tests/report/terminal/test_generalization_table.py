"""The terminal's view of a result that is small enough to write down."""

from typing import Any

import pytest
from rich.console import Console

from smt.report.terminal.generalization import (
    holdout_failures,
    reasons,
    remarks,
    short_window_warning,
    technique_table,
)

LONGEST = "piecewise_linear_numerics"


@pytest.fixture
def result() -> dict[str, Any]:
    return {
        "fleet": "made",
        "settings": {
            "trials": 2,
            "alpha": 0.05,
            "epsilon": 0.1,
            "tau": 0.05,
            "paper_exact": False,
            "sequential": False,
        },
        "representatives": [{"model": "a"}, {"model": "b"}],
        "holdout_models": ["c"],
        "short_windows": {},
        "techniques": [_technique(LONGEST), _technique("weak")],
    }


def _technique(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "generalizes": True,
        "reason": f"{name} is [good]",
        "shown": {
            "theta": {"learning_rate_of_the_tables": 0.000123456, "form": "[bold]"},
            "value": 0.123,
            "mean": 0.123,
            "interval": [-0.0101, 0.2561],
            "regression_rate": 0.5,
            "feasible_probability": 0.97,
            "helped": 1,
            "neutral": 0,
            "regressed": 1,
            "skipped": 0,
        },
        "trials": [{"skipped": 0}, {"skipped": 1}],
        "confirmation": [],
        "holdout": None,
    }


def _again() -> dict[str, Any]:
    return {"seeds": [1, 2], "deltas": {"a": 0.1, "b": None}}


def _printed(result: dict[str, Any]) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(technique_table(result))
    return captured.get()


def test_the_table_fits_120_columns_and_cuts_nothing(result: dict[str, Any]) -> None:
    text = _printed(result)
    assert max(map(len, text.splitlines())) <= 120
    assert LONGEST in text
    assert "…" not in text
    column = next(line.index("θ*") for line in text.splitlines() if "θ*" in line)
    theta = "".join(line[column:] for line in text.splitlines()).replace(" ", "")
    assert "learning_rate_of_the_tables=0.0001235" in theta


def test_a_row_shows_the_numbers_of_the_verdict(result: dict[str, Any]) -> None:
    text = _printed(result)
    for number in ("+0.123%", "-0.010 to +0.256", "0.50", "0.97", "[bold]"):
        assert number in text


def test_what_is_unknown_is_said(result: dict[str, Any]) -> None:
    unknown = {"value": None, "mean": None, "interval": None, "feasible_probability": None}
    result["techniques"][0]["shown"] |= unknown
    row = next(line for line in _printed(result).splitlines() if LONGEST in line)
    assert row.split()[1:4] == ["yes", "-inf", "nan"]


def test_a_rate_over_some_of_the_models_is_shown_as_a_bound(result: dict[str, Any]) -> None:
    assert ">= 0.50" not in _printed(result)
    result["techniques"][0]["shown"]["skipped"] = 3
    assert _printed(result).count(">= 0.50") == 1


def test_evaluations_on_fresh_seeds_are_counted_apart(result: dict[str, Any]) -> None:
    assert "fresh" not in _printed(result).replace("on fresh seeds", "")
    # Two seeds of two models, failed ones too; then two seeds of one model.
    result["techniques"][0]["confirmation"] = [_again(), _again()]
    assert "+8 fresh" in _printed(result)
    result["techniques"][0]["holdout"] = {"seeds": [1, 2], "deltas": {"c": 0.1}, "passes": True}
    assert "+10 fresh" in _printed(result)


def test_the_caption_says_what_it_takes_to_generalize(result: dict[str, Any]) -> None:
    assert "on fresh seeds" in _printed(result)
    result["settings"] |= {"paper_exact": True, "sequential": True}
    text = _printed(result)
    assert "in the search" in text
    assert "each on top of those accepted before it" in text


def test_every_technique_has_its_reason(result: dict[str, Any]) -> None:
    assert [*reasons(result)] == [f"{LONGEST}: {LONGEST} is [good]", "weak: weak is [good]"]


def test_only_techniques_that_the_holdout_took_out_are_named(result: dict[str, Any]) -> None:
    assert holdout_failures(result) is None
    result["techniques"][0]["holdout"] = {**_again(), "passes": True}
    assert holdout_failures(result) is None
    result["techniques"][1]["holdout"] = {**_again(), "passes": False}
    line = holdout_failures(result)
    assert line is not None
    assert line.endswith(": weak")


def test_the_warning_names_the_window_that_lacks_most(result: dict[str, Any]) -> None:
    assert short_window_warning(result) is None
    result["short_windows"] = {
        "a": {"rows": 1000, "needed": 2000, "sem": 0.1},
        "b": {"rows": 5000, "needed": 50000, "sem": 0.1},
    }
    line = short_window_warning(result)
    assert line is not None
    assert "2 of 2 models" in line
    assert "b has 5,000 and needs 50,000" in line


def test_remarks_are_all_lines_that_there_are(result: dict[str, Any]) -> None:
    assert remarks(result) == [*reasons(result)]
    result["short_windows"] = {"a": {"rows": 1, "needed": 2, "sem": 0.1}}
    assert remarks(result)[-1] == short_window_warning(result)
