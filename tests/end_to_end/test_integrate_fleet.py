"""A run becomes versions of all its templates: one run, and each is kept or refused by itself."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_generalization import made_result, made_technique
from plain_templates import PLAIN
from scripts import run_script

from smt.errors import StoppedError
from smt.execution.dispatcher import start_dispatcher
from smt.results.folder import write_result
from smt.search.settings import Settings
from smt.storage import Folder
from smt.template.versions import Version, history, write_version
from smt.template_iteration.record import save

TOWERS, SMALL = "decoupled_sparsenn_small", "sparsenn_small"
BUILT = {"view-all": SMALL, "click-retrieval": TOWERS, "view-feed": SMALL}
TECHNIQUES = """
from smt.template import Float, Technique

def rated(template, *, rate):
    return template.change("training", dense_rate=rate, table_rate=10 * rate)

rated = Technique("rated", "training", {"rate": Float(0, 1)}, rated, "a test")

def wild(template):
    schedule = {"kind": "warmup_cosine", "warmup": 0, "peak": 1e8, "final": 1}
    return template.change("training", schedule=schedule)

wild = Technique("wild", "training", {}, wild, "a test", paradigms=("decoupled_sparsenn",))
"""
SLOW = {"batch_size": 256, "dense_rate": 1e-7, "table_rate": 1e-6}
DIVERGING = {"schedule": {"kind": "warmup_cosine", "warmup": 0, "peak": 1e9, "final": 1}}


class Turn:
    """A run of two templates, on one of which it makes a technique that spoils all else."""

    def __init__(self, folder: Path, fleet: Path, capsys, **towers) -> None:
        self.folder, self._capsys = folder, capsys
        parents = {
            TOWERS: PLAIN[TOWERS].change("training", **SLOW, **towers),
            SMALL: PLAIN[SMALL].change("training", **SLOW),
        }
        for name, template in parents.items():
            version = Version(name=name, number=1, written="2026-01-31", template=template)
            write_version(version, folder / "templates")
        (folder / "own.py").write_text(TECHNIQUES)
        result = made_result(
            [made_technique("rated", {"rate": 0.002}), made_technique("wild")],
            fleet="tiny",
            settings=Settings(trials=2, seed=7),
            representatives=("view-all", "click-retrieval"),
            templates=parents,
            model_templates=BUILT,
        )
        write_result(Folder(folder / "run"), result)
        self._fleet = fleet

    def integrate(self, out, *options):
        """Of all templates, unless the options say otherwise: what is printed, the exit code."""
        arguments = {
            "--run": self.folder / "run",
            "--fleet": self._fleet,
            "--templates": self.folder / "templates",
            "--out": self.folder / out,
            "--seeds": 1,
        }
        words = [str(word) for pair in arguments.items() for word in pair]
        named = [f"{self.folder}/own.py:{name}" for name in ("rated", "wild")]
        if SMALL in options:
            named = named[:1]
        try:
            run_script("integrate.py", *words, "--techniques", *named, *options)
        except SystemExit as stop:
            return "".join(self._capsys.readouterr()), stop.code
        return "".join(self._capsys.readouterr()), 0

    def result(self, out):
        """What is in `result.json`, less the command that was typed."""
        result = json.loads((self.folder / out / "result.json").read_text())
        if result.get("version", {}).get("backtest"):
            del result["version"]["backtest"]["command"]
        return result

    def ledger(self, out):
        """When each evaluation was written."""
        files = [
            *(self.folder / out).glob("evaluations/*/*"),
            *self.folder.glob(f"{out}/baselines/*"),
        ]
        return {path.name: path.stat().st_mtime_ns for path in files}


@pytest.fixture
def turn(cluster, fleet_file, tmp_path, capsys):
    return Turn(tmp_path, fleet_file, capsys)


@pytest.fixture
def started(monkeypatch):
    """The folders of the runs that are started."""
    folders = []

    def start(folder, *arguments, **options):
        folders.append(folder)
        return start_dispatcher(folder, *arguments, **options)

    monkeypatch.setattr("smt.execution.run.start_dispatcher", start)
    return folders


def rows(path):
    """Of every evaluation, less how long it took."""
    return pq.read_table(path / "evaluations.parquet").drop_columns("seconds").to_pylist()


def test_one_run_decides_every_template_as_if_it_were_tried_alone(turn, started, tmp_path):
    printed, code = turn.integrate("all")
    assert code == 0
    assert started == [str(tmp_path / "all")]
    # Three models and their parents, and the one whose version is refused without each technique.
    assert "8/8 evaluations" in printed
    assert len(turn.ledger("all")) == 3 * 2 + 3 + 2
    overview = turn.result("all")
    assert [(each["template"], each["decision"]) for each in overview["templates"]] == [
        (TOWERS, "not kept"),
        (SMALL, "kept"),
    ]
    assert f"{SMALL} backtest trial 0 (1 of 1)" in printed
    assert f"{TOWERS} without_wild trial 0 (1 of 1)" in printed
    assert (tmp_path / "all" / "report.html").exists()
    for name in (TOWERS, SMALL):
        turn.integrate(f"{name}-alone", "--template", name)
        assert turn.result(f"all/{name}") == turn.result(f"{name}-alone")
        assert rows(tmp_path / "all" / name) == rows(tmp_path / f"{name}-alone")
        assert (tmp_path / "all" / name / "report.html").stat().st_size > 100_000
    assert turn.result(f"all/{TOWERS}")["blame_reason"] == (
        "without wild the version would be kept"
    )


def test_a_run_that_was_interrupted_between_templates_ends_with_the_same_numbers(
    turn, started, monkeypatch, tmp_path
):
    saved = []

    def stop_at_the_second(change, *rest):
        if saved:
            raise StoppedError("the disk is full")
        saved.append(change.version.name)
        return save(change, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("smt.template_iteration.try_versions.save", stop_at_the_second)
        printed, code = turn.integrate("out", "--write")
    assert (code, "error: the disk is full" in printed) == (1, True)
    assert saved == [SMALL]
    assert len(history(SMALL, folder=tmp_path / "templates")) == 2
    before = turn.ledger("out")
    first = turn.result(f"out/{SMALL}")
    assert not (tmp_path / "out" / "result.json").exists()
    assert "holds a run with another seeds" in turn.integrate("out", "--resume", "--seeds", "2")[0]
    one = turn.integrate("out", "--resume", "--template", TOWERS)[0]
    assert "holds a run with another templates" in one

    printed, code = turn.integrate("out", "--resume", "--write")
    assert code == 0
    assert "is tried and stored already" in printed
    assert turn.ledger("out") == before
    assert turn.result(f"out/{SMALL}") == first
    overview = turn.result("out")
    assert [(each["template"], each["decision"]) for each in overview["templates"]] == [
        (TOWERS, "not kept"),
        (SMALL, "kept"),
    ]
    # The towers' numbers are those of a run that nothing disturbed.
    turn.integrate("alone", "--template", TOWERS)
    assert turn.result(f"out/{TOWERS}") == turn.result("alone")
    assert started == [str(tmp_path / "out")] * 2 + [str(tmp_path / "alone")]


def test_a_parent_that_does_not_train_stops_its_own_template_alone(
    cluster, fleet_file, tmp_path, capsys
):
    turn = Turn(tmp_path, fleet_file, capsys, **DIVERGING)
    printed, code = turn.integrate("out", "--write")
    assert code == 0
    towers, small = turn.result("out")["templates"]
    assert (towers["decision"], small["decision"]) == ("not made", "kept")
    assert towers["reason"].startswith(
        f"model 'click-retrieval' does not train under the parent version of template '{TOWERS}': "
    )
    assert f"no version: {towers['reason']}" in printed
    assert not (tmp_path / "out" / TOWERS).exists()
    # Of what failed, nothing is in the ledger, and nothing was trained beside it.
    assert len(turn.ledger("out")) == 2 * 2 + 2
    assert "Unhandled error" not in printed
