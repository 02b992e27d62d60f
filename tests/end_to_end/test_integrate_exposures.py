"""A run in which nothing generalizes: a version lets models choose what helps some of them."""

import json

import pytest
from made_generalization import made_result, made_technique, made_trial
from plain_templates import PLAIN
from scripts import run_script

from smt.results.folder import write_result
from smt.search.delta import Delta
from smt.search.settings import Settings
from smt.storage import Folder
from smt.template import Choice
from smt.template.versions import Version, history, write_version

NAME = "sparsenn_small"
MODELS = ("view-all", "click-retrieval", "view-feed")


@pytest.fixture
def integrate(fleet_file, tmp_path, capsys):
    """(Δ of each model, options) -> what integrate.py prints of a search of PLE, its exit code."""

    def of_deltas(*deltas, options=()):
        measured = [Delta.measured(delta, 0.02) for delta in deltas]
        tried = {"deltas": dict(zip(MODELS, measured, strict=True)), "regression_rate": 0.33}
        trial = made_trial().model_copy(update=tried)
        refused = {"generalizes": False, "kind": None, "feasible": False, "trials": (trial,)}
        result = made_result(
            [made_technique("ple", shown=tried, **refused)],
            fleet="tiny",
            settings=Settings(trials=1),
            representatives=MODELS,
            templates={NAME: PLAIN[NAME]},
            model_templates=dict.fromkeys(MODELS, NAME),
        )
        write_result(Folder(tmp_path / "run"), result)
        version = Version(name=NAME, number=1, written="2026-01-31", template=PLAIN[NAME])
        write_version(version, tmp_path / "templates")
        arguments = ("--run", tmp_path / "run", "--templates", tmp_path / "templates")
        try:
            run_script(
                "integrate.py",
                *("--fleet", fleet_file, "--out", tmp_path / "out", *arguments, *options),
            )
        except SystemExit as stop:
            said = capsys.readouterr()
            return said.out + said.err, stop.code
        return capsys.readouterr().out, 0

    return of_deltas


def test_what_helps_some_models_and_harms_others_becomes_their_choice(integrate, tmp_path):
    printed, code = integrate(0.6, 0.5, -0.4, options=("--write",))
    assert code == 0
    assert "kept: its networks are its parent's until a model sets what it exposes" in printed
    first, second = history(NAME, folder=tmp_path / "templates")
    assert second.techniques == ()
    assert second.backtest is None
    assert second.notes.startswith("use of ple is exposed as architecture.tasks.kind, one of [")
    assert ": where each model chooses for itself they gain +0.3" in second.notes
    assert second.template.exposed == {"architecture.tasks.kind": Choice(["shared_bottom", "ple"])}
    assert second.template.model_copy(update={"exposed": {}}) == first.template
    assert not [*tmp_path.glob("out/evaluations/*/*")]
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (result["decision"], result["models"]) == ("kept", [])
    assert "architecture.tasks.kind" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("deltas", "options"), [((-0.1, -0.1, -0.4), ()), ((0.6, 0.5, -0.4), ("--no-expose",))]
)
def test_a_run_that_neither_improves_nor_exposes_makes_no_version(integrate, deltas, options):
    said, code = integrate(*deltas, options=options)
    assert code == 2
    assert "none of its techniques generalizes, and there is nothing to expose in" in said
