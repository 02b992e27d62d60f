import io
import json

import pytest
from made_generalization import made_result, made_technique
from made_models import made_model
from rich.console import Console

from smt.data.simulator import SimulatorSpec
from smt.data.simulator_features import simulator_schema
from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.fleet import Fleet
from smt.results.folder import RESULT, read_result, write_result
from smt.results.integration import IntegrationResult, Misfit
from smt.results.integrations import IntegrationsResult, integration_of
from smt.search.encoding import Encoding
from smt.storage import Folder
from smt.techniques import catalogue
from smt.template import Template, load_version
from smt.template.versions import Version, history, write_version
from smt.template_iteration import Candidate, Trying, improvements, try_templates
from smt.template_iteration.comparison import Comparison, ModelComparison
from smt.template_iteration.decision import VersionDecision

ONE = Template(name="one")
TWO = Template(name="two", paradigm="decoupled_sparsenn")
BUILT = {"a": "one", "b": "two@1", "c": "one", "d": "two@1"}
FLEET = Fleet(name="shop", models=tuple(map(made_model, BUILT)))


@pytest.fixture
def run(tmp_path):
    """Of two techniques that generalize; one fits single towers alone."""
    techniques = [
        made_technique(name, Encoding(catalogue[name].space).sobol(1, seed=0)[0])
        for name in ("label_smoothing", "target_attention")
    ]
    result = made_result(
        techniques,
        representatives=("a", "b"),
        holdout_models=("c", "d"),
        templates={"one": ONE, "two@1": TWO},
        model_templates=BUILT,
    )
    write_result(Folder(tmp_path / "run"), result)
    for template in (ONE, TWO):
        version = Version(name=template.name, number=1, written="2026-01-31", template=template)
        write_version(version, tmp_path / "templates")
    return tmp_path / "run"


def test_each_template_of_a_run_has_the_techniques_that_fit_it(run):
    assert improvements(run) == {
        "one": ("label_smoothing", "target_attention"),
        "two": ("label_smoothing",),
    }
    assert improvements(run, ["target_attention"]) == {"one": ("target_attention",)}
    with pytest.raises(InputError, match="'dcn_v2' does not generalize"):
        improvements(run, ["dcn_v2"])


@pytest.fixture
def trying(run, tmp_path, monkeypatch):
    """(resume) -> what the templates come to; the run's back-test is made, and notes what it is of.

    `came_to` says of a template what a made back-test does.
    """

    def backtest(entries, logs, *, seeds, out, known_by, **_):
        tried.runs.append([*entries])
        Folder(out).write("run.json", json.dumps(known_by).encode())
        for candidate in entries:
            if isinstance(candidate, Candidate):
                yield candidate, tried.came_to.get(candidate.name, unserved)(candidate, seeds)

    monkeypatch.setattr("smt.template_iteration.try_versions.backtest", backtest)
    monkeypatch.setattr("smt.template_iteration.prepare_versions.open_logs", lambda _: {})
    schema = simulator_schema(SimulatorSpec(rows=100))
    monkeypatch.setattr("smt.template.serving_budget.log_schema", lambda _: schema)

    def tried(*, resume=False, fitting=None, fleet=FLEET):
        return try_templates(
            str(run),
            fitting or improvements(run),
            fleet,
            Trying(templates=tmp_path / "templates", write=True),
            out=str(tmp_path / "out"),
            resume=resume,
            console=Console(file=io.StringIO(), width=200),
        )

    tried.runs, tried.came_to = [], {}
    return tried


def models_of(entries):
    """Template -> its sample and its fleet, of those that are tried."""
    return {
        entry.name: ([m.name for m in entry.models], [m.name for m in entry.fleet])
        for entry in entries
        if isinstance(entry, Candidate)
    }


def kept(candidate, seeds):
    """A version by which every model gains one percent."""
    compared = tuple(
        ModelComparison(model, (evaluated(model, seeds[0]),), (evaluated(model, seeds[0]),))
        for model in candidate.models
    )
    comparison = Comparison(compared, (seeds[0],), candidate.settings)
    return VersionDecision((seeds[0],), candidate.settings, (), comparison, ())


def evaluated(model, seed):
    """An evaluation of which one percent is gained."""
    numbers = {"delta": 1.0, "sem": 0.1, "ne": 0.9, "flops": 10, "bytes": 40, "judged_rows": 30}
    name = f"{model.name}/{seed}"
    return Evaluation(
        name=name,
        key=name,
        technique=None,
        trial=None,
        theta={},
        model=model.name,
        seed=seed,
        **numbers,
    )


def untrained(candidate, seeds):
    return InputError(f"model '{candidate.models[0].name}' does not train under the parent")


def unserved(candidate, seeds):
    """A version that one model cannot be served by."""
    misfit = Misfit(model="a", reason="it is too big", excess=12.0)
    return VersionDecision(tuple(seeds), candidate.settings, (misfit,), None, ())


def test_one_run_tries_every_template_on_its_own_models(trying, tmp_path):
    result = trying()
    (entries,) = trying.runs
    assert models_of(entries) == {"one": (["a", "c"], ["a", "c"]), "two": (["b", "d"], ["b", "d"])}
    assert [(t.template, t.decision, t.number) for t in result.templates] == [
        ("one", "not kept", 2),
        ("two", "not kept", 2),
    ]
    assert not result.kept
    out = Folder(tmp_path / "out")
    assert read_result(out, IntegrationsResult) == result
    page = out.read("report.html").decode()
    assert "No version is kept" in page
    assert "href='two/report.html'" in page
    assert out.exists("two/report.html")
    assert len(history("one", folder=tmp_path / "templates")) == 1


def test_each_template_is_kept_or_refused_by_itself(trying, tmp_path):
    trying.came_to = {"two": kept}
    first, second = trying().templates
    assert (first.decision, second.decision) == ("not kept", "kept")
    assert [len(history(name, folder=tmp_path / "templates")) for name in ("one", "two")] == [1, 2]


def test_the_only_template_has_the_folder_to_itself(trying, tmp_path):
    result = trying(fitting={"two": ["label_smoothing"]})
    out = Folder(tmp_path / "out")
    assert [(t.template, t.decision) for t in result.templates] == [("two", "not kept")]
    assert integration_of(read_result(out, IntegrationResult)) == result.templates[0]
    assert out.exists("report.html")
    assert not out.subfolders()


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_template_whose_parent_does_not_train_gets_no_version_and_stops_no_other(trying, name):
    trying.came_to = {"one": kept, "two": kept, name: untrained}
    found = {template.template: template for template in trying().templates}
    assert found[name].decision == "not made"
    assert "does not train under the parent" in found[name].reason
    (other,) = {"one", "two"} - {name}
    assert found[other].decision == "kept"


def test_a_template_that_gets_no_version_does_not_stop_the_others(trying):
    both = {"one": ["label_smoothing"], "two": ["target_attention"]}
    first, second = trying(fitting=both).templates
    assert first.decision == "not kept"
    assert second.decision == "not made"
    assert "does not fit the paradigm" in second.reason
    assert [[*models_of(entries)] for entries in trying.runs] == [["one"]]


def test_a_template_without_traffic_does_not_stop_the_others(trying):
    models = [made_model(name, weight=float(name in "bd")) for name in BUILT]
    first, second = trying(fleet=Fleet(name="shop", models=tuple(models))).templates
    assert (first.decision, second.decision) == ("not made", "not kept")
    assert "weights are zero" in first.reason


def test_a_model_that_does_not_fit_its_log_stops_its_own_template_alone(trying, monkeypatch):
    def open_logs(models):
        for model in models:
            if model.name == "c":
                raise InputError("model 'c': its event never happens")
        return {"log": "its"}

    monkeypatch.setattr("smt.template_iteration.prepare_versions.open_logs", open_logs)
    first, second = trying().templates
    assert (first.decision, first.reason) == ("not made", "model 'c': its event never happens")
    assert second.decision == "not kept"


def test_where_no_template_gets_a_version_the_reason_is_raised(trying, tmp_path):
    with pytest.raises(InputError, match="does not fit the paradigm"):
        trying(fitting={"two": ["target_attention"]})
    assert trying.runs == []
    assert not (tmp_path / "out").exists()
    trying.came_to = {"one": untrained, "two": untrained}
    with pytest.raises(InputError, match="model 'a' does not train"):
        trying()
    assert not Folder(tmp_path / "out").exists(RESULT)


def test_templates_whose_versions_are_stored_are_not_tried_again(trying, tmp_path):
    trying.came_to = {"one": kept}
    whole = trying()
    assert trying(resume=True) == whole
    _, (stored, again) = trying.runs
    # What models of the first get, beside which the second is counted.
    version = load_version("one", 2, folder=tmp_path / "templates")
    assert stored.changed == {"a": version, "c": version}
    assert again.name == "two"


def test_where_all_are_stored_nothing_is_started(trying):
    trying.came_to = {"one": kept, "two": kept}
    whole = trying()
    assert trying(resume=True) == whole
    assert len(trying.runs) == 1


def test_a_folder_that_holds_back_tests_is_only_gone_on_with(trying):
    trying()
    with pytest.raises(InputError, match="holds a run already; continue it with --resume"):
        trying()
    assert len(trying.runs) == 1
