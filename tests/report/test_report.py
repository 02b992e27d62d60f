"""The report's numbers, derived a second time from the ledger alone.

`SMT_RUN=runs/kuairand pytest tests/report` does the same to the report of a real run.
"""

import json
import math
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from plotly.offline import get_plotlyjs
from written_page import Page

from smt.errors import InputError
from smt.execution.storage import Folder
from smt.report import write_report

FILES = ("result.json", "evaluations.parquet", "fleet.parquet")
CELL = ("model", "delta", "sem", "ne", "failure")
BASELINE = ("ne", "flops", "train_rows", "test_rows")
SIX = ("stage", "inference_flops", "inference_hardware", "event", "surface", "data_constraint")
MODEL = ("model", *SIX, "weight", "cluster", "x", "y", "representative")


def derive(folder: Path) -> dict[str, Any]:
    """Every number of the report, from the ledger by literal arithmetic.

    `result.json` gives only what was decided before the search (settings, the names and
    weights of the representatives, the order of techniques, the elbow's inertias) and what the
    surrogate said: its estimate of θ*, and why it stopped.
    """
    result = json.loads((folder / "result.json").read_text())
    rows = pq.read_table(folder / "evaluations.parquet").to_pylist()
    fleet = pq.read_table(folder / "fleet.parquet").to_pylist()
    settings = result["settings"]
    alpha, epsilon, tau = settings["alpha"], settings["epsilon"], settings["tau"]
    names = [each["model"] for each in result["representatives"]]
    weights = {each["model"]: each["weight"] for each in result["representatives"]}
    traffic = {each["model"]: each["weight"] for each in fleet if each["representative"]}
    assert set(traffic) == set(names)
    for name in names:
        assert weights[name] == pytest.approx(traffic[name] / sum(traffic.values()))
    baselines = {row["model"]: row for row in rows if row["technique"] is None}
    techniques = []
    by_name = {each["name"]: each for each in result["techniques"]}
    for technique in by_name:
        mine = [row for row in rows if row["technique"] == technique]
        trials = []
        for number in sorted({row["trial"] for row in mine}):
            cells = {row["model"]: row for row in mine if row["trial"] == number}
            proposal = decided(folder, technique, number) if settings["early_rejection"] else None
            counted = settling(cells, proposal, alpha, epsilon, names)
            deltas = [cells[name]["delta"] if name in counted else None for name in names]
            sems = [cells[name]["sem"] if name in counted else None for name in names]
            shares = [weights[name] for name in names]
            worse = sum(is_worse(cells[name]["delta"], alpha) for name in counted)
            better = sum(1 for delta in deltas if delta is not None and delta > alpha)
            mean = mean_sem = value = None
            if None not in deltas:
                mean = sum(share * delta for share, delta in zip(shares, deltas, strict=True))
                if worse / len(names) <= epsilon:
                    value = mean
            if None not in sems:
                squares = [(share * sem) ** 2 for share, sem in zip(shares, sems, strict=True)]
                mean_sem = math.sqrt(sum(squares))
            trials.append(
                {
                    "number": number,
                    "theta": json.loads(next(iter(cells.values()))["theta"]),
                    "value": value,
                    "mean": mean,
                    "mean_sem": mean_sem,
                    "regression_rate": worse / len(names),
                    "helped": better,
                    "neutral": len(counted) - better - worse,
                    "regressed": worse,
                    "skipped": len(names) - len(counted),
                    "cells": [
                        {key: cells[name][key] for key in CELL}
                        if name in cells
                        else {**dict.fromkeys(CELL), "model": name}
                        for name in names
                    ],
                }
            )
        feasible = [trial for trial in trials if trial["value"] is not None]
        paper = max(feasible, key=lambda trial: trial["value"], default=None)
        estimate = by_name[technique]["estimate"]
        if estimate is not None and estimate["trial"] in [trial["number"] for trial in feasible]:
            shown = trials[estimate["trial"]]
        elif paper is not None:
            shown = paper
        else:
            shown = min(
                trials,
                key=lambda trial: (
                    trial["regression_rate"],
                    math.inf if trial["mean"] is None else -trial["mean"],
                ),
            )
        techniques.append(
            {
                "name": technique,
                "generalizes": bool(feasible) and shown["value"] >= tau,
                "feasible": bool(feasible),
                "shown": shown["number"],
                "paper": None if paper is None else paper["number"],
                "stopped": by_name[technique]["stopped"],
                "feasible_probability": None
                if estimate is None
                else estimate["feasible_probability"],
                "trials": trials,
            }
        )
    return {
        "fleet": result["fleet"],
        "template": result["template"]["name"],
        "settings": settings,
        "inertias": result["inertias"],
        "evaluations": len(rows),
        "representatives": [
            {
                "model": name,
                "weight": weights[name],
                **{key: baselines[name][key] for key in BASELINE},
            }
            for name in names
        ],
        "techniques": techniques,
        "models": [{key: row[key] for key in MODEL} for row in fleet],
        "failures": [
            {
                "technique": row["technique"],
                "trial": row["trial"],
                "model": row["model"],
                "reason": row["failure"],
            }
            for row in rows
            if row["failure"] is not None
        ],
    }


def decided(folder: Path, technique: str, number: int) -> dict[str, Any] | None:
    """What the search decided of a trial, where the run recorded that."""
    path = folder / "proposals" / technique / f"{number:04d}.json"
    return json.loads(path.read_text()) if path.exists() else None


def is_worse(delta: float | None, alpha: float) -> bool:
    return delta is None or delta < -alpha


def settling(
    cells: dict[str, Any],
    proposal: dict[str, Any] | None,
    alpha: float,
    epsilon: float,
    names: list[str],
) -> list[str]:
    """The models that count: in the proposal's order, until too many regressed."""
    if proposal is None or proposal["finish"]:
        return names
    counted: list[str] = []
    for place in proposal["order"]:
        counted.append(names[place])
        worse = sum(is_worse(cells[name]["delta"], alpha) for name in counted)
        if worse / len(names) > epsilon:
            break
    return counted


def check(folder: Path, html: str) -> None:
    """The data and the tables of a report agree with the ledger that lies beside it."""
    expected, page = derive(folder), Page(html)
    found = json.loads(page.data)
    for technique in found["techniques"]:
        assert technique.pop("source")
    assert_equal(found, expected, "report-data")
    assert [row[:8] for row in page.rows("techniques")] == [
        technique_row(technique) for technique in expected["techniques"]
    ]
    assert page.rows("representatives") == [
        [
            str(number),
            each["model"],
            f"{100 * each['weight']:.3f}%",
            f"{each['ne']:.5f}",
            f"{each['flops']:,}",
            f"{each['train_rows']:,}",
            f"{each['test_rows']:,}",
        ]
        for number, each in enumerate(expected["representatives"], 1)
    ]
    assert page.rows("failures") == [
        [
            each["technique"] or "baseline",
            "–" if each["trial"] is None else str(each["trial"]),
            each["model"],
            each["reason"],
        ]
        for each in expected["failures"]
    ]


def technique_row(technique: dict[str, Any]) -> list[str]:
    trial = next(each for each in technique["trials"] if each["number"] == technique["shown"])
    surely = technique["feasible_probability"]
    chance = "" if surely is None else f"P(R ≤ ε) {surely:.2f}"
    sem = "?" if trial["mean_sem"] is None else f"{trial['mean_sem']:.3f}%"
    return [
        technique["name"],
        "yes" if technique["generalizes"] else "no",
        signed(trial["value"], "−∞"),
        f"{signed(trial['mean'], '–')} ± {sem}",
        f"{trial['regression_rate']:.3f}" + chance,
        str(trial["helped"]),
        str(trial["neutral"]),
        str(trial["regressed"]),
    ]


def signed(value: float | None, missing: str) -> str:
    # Adding 0.0 makes a negative zero positive.
    return missing if value is None else f"{round(value, 3) + 0.0:+.3f}%".replace("-", "−")


def assert_equal(found: Any, expected: Any, where: str) -> None:
    """Equal plain data, floats to nine digits; says where it is not."""
    if isinstance(expected, dict):
        assert list(map(str, sorted(found))) == list(map(str, sorted(expected))), where
        for key in expected:
            assert_equal(found[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_equal(one, other, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), where
    else:
        assert found == expected, where


@pytest.fixture
def html(run_folder: Path, tmp_path: Path) -> str:
    return written(run_folder, tmp_path)


def written(run: Path, into: Path) -> str:
    """The report that is written beside copies of a run's files."""
    for name in FILES:
        shutil.copy(run / name, into / name)
    assert write_report(Folder(into)) == f"{into}/report.html"
    assert sorted(path.name for path in into.iterdir()) == sorted([*FILES, "report.html"])
    return (into / "report.html").read_text()


def test_every_number_follows_from_the_ledger(run_folder: Path, html: str) -> None:
    check(run_folder, html)


def test_the_synthetic_run_has_every_kind_of_technique(run_folder: Path) -> None:
    helps, weak, breaks = derive(run_folder)["techniques"]
    assert helps["generalizes"]
    assert not weak["generalizes"]
    assert not breaks["feasible"]
    assert any(trial["mean"] is None for trial in helps["trials"])


@pytest.mark.skipif("SMT_RUN" not in os.environ, reason="SMT_RUN names no run")
def test_every_number_of_a_real_run_follows_from_its_ledger(tmp_path: Path) -> None:
    run = Path(os.environ["SMT_RUN"])
    html = written(run, tmp_path)
    check(run, html)
    delivered = run / "report.html"
    if delivered.exists():
        check(run, delivered.read_text())


def test_a_wrong_number_is_noticed(run_folder: Path, tmp_path: Path) -> None:
    html = written(run_folder, tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    result["techniques"][0]["trials"][1]["mean"] += 1e-6
    (tmp_path / "result.json").write_text(json.dumps(result))
    write_report(Folder(tmp_path))
    assert (tmp_path / "report.html").read_text() != html
    with pytest.raises(AssertionError, match=r"techniques\[0\].trials\[1\].mean"):
        check(tmp_path, (tmp_path / "report.html").read_text())


def test_the_page_opens_offline(html: str) -> None:
    bundle = get_plotlyjs()
    assert html.count(bundle) == 1
    rest = html.replace(bundle, "")
    assert all(reference.startswith("#") for reference in Page(rest).references)
    assert not re.search(r"@import|url\(|import\s*\(|fetch\s*\(", rest)


def test_text_from_files_is_text(html: str) -> None:
    rest = html.replace(get_plotlyjs(), "")
    assert "<b>all" not in rest
    assert "& <nan>" not in rest
    assert "<up>" not in rest


def test_equal_runs_leave_equal_pages(run_folder: Path, tmp_path: Path, html: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert written(run_folder, other) == html


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no result"):
        write_report(Folder(tmp_path))
