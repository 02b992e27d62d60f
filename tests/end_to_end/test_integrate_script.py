"""A run becomes a version: integrate, back-test on the cluster, decide, store."""

import json

import pyarrow.parquet as pq
import pytest
from made_generalization import made_result, made_technique
from plain_templates import PLAIN
from scripts import run_script

from smt.results.folder import write_result
from smt.search.settings import Settings
from smt.storage import Folder
from smt.template.versions import Version, history, write_version

NAME = "sparsenn_small"
MODELS = ("view-all", "click-retrieval", "view-feed")
TECHNIQUE = """
from smt.template import Float, Technique

def rated(template, *, rate):
    return template.change("training", dense_rate=rate, table_rate=10 * rate)

technique = Technique("rated", "training", {"rate": Float(0, 1)}, rated, "a test")

def wild(template):
    schedule = {"kind": "warmup_cosine", "warmup": 0, "peak": 1e8, "final": 1}
    return template.change("training", schedule=schedule)

wild = Technique("wild", "training", {}, wild, "a test")

def wide(template):
    return template.change("architecture", embedding_dim=64)

wide = Technique("wide", "architecture", {}, wide, "a test")
"""


@pytest.fixture
def integrate(cluster, fleet_file, tmp_path, capsys):
    """Run the script on a parent that hardly learns and a technique that lets it learn."""
    values = {"batch_size": 256, "dense_rate": 1e-7, "table_rate": 1e-6}
    template = PLAIN[NAME].change("training", **values)
    parent = Version(name=NAME, number=1, written="2026-01-31", template=template)
    write_version(parent, tmp_path / "templates")
    own = tmp_path / "own.py"
    own.write_text(TECHNIQUE)
    result = made_result(
        [
            made_technique("rated", {"rate": 0.002}),
            made_technique("wild"),
            made_technique("wide"),
        ],
        fleet="tiny",
        template=template,
        settings=Settings(trials=2, seed=7),
        representatives=MODELS[:2],
        others=MODELS[2:],
    )
    write_result(Folder(tmp_path / "run"), result)
    arguments = {
        "--run": tmp_path / "run",
        "--template": NAME,
        "--fleet": fleet_file,
        "--templates": tmp_path / "templates",
        "--out": tmp_path / "out",
        "--seeds": 2,
    }
    words = [str(word) for pair in arguments.items() for word in pair]

    def run(*options, techniques=("technique",)):
        named = ["--techniques", *(f"{own}:{name}" for name in techniques)]
        try:
            run_script("integrate.py", *words, *named, *options)
        except SystemExit as stop:
            return capsys.readouterr().out, stop.code
        return capsys.readouterr().out, 0

    return run


def test_a_version_that_helps_is_kept_and_stored_once_asked_for(integrate, tmp_path):
    out = tmp_path / "out"
    printed, code = integrate()
    assert code == 0
    assert "training.dense_rate: 1e-07 -> 0.002" in printed
    assert "backtest trial 1 (2 of 2)" in printed
    assert "kept: A = +" in printed
    assert len(history(NAME, folder=tmp_path / "templates")) == 1
    result = json.loads((out / "result.json").read_text())
    assert result["decision"] == "kept"
    # Confirmations of this run were by seeds 8 and 9.
    assert result["seeds"] == [12, 13]
    assert [(m["model"], m["representative"]) for m in result["models"]] == [
        ("view-all", True),
        ("click-retrieval", True),
        ("view-feed", False),
    ]
    rows = pq.read_table(out / "evaluations.parquet").to_pylist()
    assert sorted((row["version"], row["model"], row["seed"]) for row in rows) == sorted(
        (version, model, seed) for version in (1, 2) for model in MODELS for seed in (12, 13)
    )
    for each in result["models"]:
        deltas = [r["delta"] for r in rows if r["model"] == each["model"] and r["version"] == 2]
        assert [delta["value"] for delta in each["by_seed"]] == deltas
        assert each["delta"]["value"] == pytest.approx(sum(deltas) / 2)
        assert each["ne_after"] < each["ne_before"]
    assert (out / "report.html").stat().st_size > 100_000

    ledger = {path: path.stat().st_mtime_ns for path in out.glob("*/*/*.json")}
    assert len(ledger) == 6
    printed, code = integrate("--resume", "--write")
    assert code == 0
    assert f"wrote {tmp_path}/templates/{NAME}/v2.yaml" in printed
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/*/*.json")} == ledger
    again = json.loads((out / "result.json").read_text())
    assert again["models"] == result["models"]
    _, stored = history(NAME, folder=tmp_path / "templates")
    assert stored.template.training.dense_rate == 0.002
    assert stored.backtest.deltas == {
        each["model"]: each["delta"]["value"] for each in result["models"]
    }
    assert stored.backtest.command.startswith("integrate.py --run")
    assert "--resume" not in stored.backtest.command


@pytest.mark.slow
def test_a_technique_that_spoils_a_version_is_blamed(integrate, tmp_path):
    out = tmp_path / "out"
    printed, code = integrate("--write", "--seeds", "1", techniques=("technique", "wild"))
    assert code == 1
    assert len(history(NAME, folder=tmp_path / "templates")) == 1
    assert "blame: without wild the version would be kept" in printed
    # Three models under the parent, the version, and the version without each technique.
    assert "without_wild trial 0 (1 of 1)" in printed
    assert "12/12 evaluations" in printed
    result = json.loads((out / "result.json").read_text())
    assert result["decision"] == "not kept"
    assert [(each["technique"], each["blamed"], each["kept"]) for each in result["blame"]] == [
        ("rated", False, False),
        ("wild", True, True),
    ]
    rows = pq.read_table(out / "evaluations.parquet").to_pylist()
    without = {row["model"]: row["delta"] for row in rows if row["without"] == "wild"}
    deltas = result["blame"][1]["deltas"].items()
    assert {model: delta["value"] for model, delta in deltas} == without
    assert all(delta > 0 for delta in without.values())
    assert len(rows) == 12
    assert len([*out.glob("baselines/*.json")]) == 3

    ledger = {path: path.stat().st_mtime_ns for path in out.glob("*/*/*.json")}
    _, code = integrate("--resume", "--seeds", "1", techniques=("technique", "wild"))
    assert code == 1
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/*/*.json")} == ledger
    assert json.loads((out / "result.json").read_text())["blame"] == result["blame"]


def test_a_version_that_breaks_a_limit_is_refused_before_any_training(integrate, tmp_path):
    printed, code = integrate("--write", techniques=("technique", "wide"))
    assert code == 1
    assert "not kept: it cannot serve model 'click-retrieval': it needs" in printed
    assert "blame: without wide every model could be served" in printed
    assert len(history(NAME, folder=tmp_path / "templates")) == 1
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert [(each["technique"], each["blamed"]) for each in result["blame"]] == [
        ("rated", False),
        ("wide", True),
    ]
    assert not (tmp_path / "out" / "evaluations").exists()
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000
