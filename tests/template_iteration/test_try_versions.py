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
from smt.results.integrations import IntegrationsResult
from smt.search.encoding import Encoding
from smt.storage import Folder
from smt.techniques import catalogue
from smt.template import Template, load_version
from smt.template.versions import Version, history, write_version
from smt.template_iteration import Trying, improvements, try_templates
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
    """(resume) -> what the templates come to; back-tests are made, and note their models."""
    tested = []

    def backtest(change, models, logs, *, fleet, seeds, out, resume, **_):
        tested.append((change.version.name, [m.name for m in models], [m.name for m in fleet]))
        write = json.dumps({"version": change.version.number})
        Folder(out).write("run.json", write.encode())
        return decisions[change.version.name](change, seeds)

    monkeypatch.setattr("smt.template_iteration.try_versions.backtest", backtest)
    monkeypatch.setattr("smt.template_iteration.try_versions.open_logs", lambda _: {})
    schema = simulator_schema(SimulatorSpec(rows=100))
    monkeypatch.setattr("smt.template.serving_budget.log_schema", lambda _: schema)
    decisions = {"one": unserved, "two": unserved}

    def tried(*, resume=False, fitting=None):
        return try_templates(
            str(run),
            fitting or improvements(run),
            FLEET,
            Trying(templates=tmp_path / "templates", write=True),
            out=str(tmp_path / "out"),
            resume=resume,
            console=Console(file=io.StringIO(), width=200),
        )

    tried.tested = tested
    return tried


def test_each_version_is_counted_beside_those_kept_before_it(trying, run, monkeypatch):
    asked = []

    def backtest(change, models, logs, *, budget, beside, seeds, **_):
        growth = budget.growth({model.name: change.version.template for model in models})
        asked.append((change.version.name, dict(beside), growth))
        compared = tuple(
            ModelComparison(model, (evaluated(model, seeds[0]),), (evaluated(model, seeds[0]),))
            for model in models
        )
        comparison = Comparison(compared, (seeds[0],), change.run.settings)
        return VersionDecision((seeds[0],), change.run.settings, (), comparison, (), growth)

    monkeypatch.setattr("smt.template_iteration.try_versions.backtest", backtest)
    results = trying()
    (first, before, growth), (second, beside, _) = asked
    assert (first, second) == ("one", "two")
    assert before == {}
    # What of the first template's models the second's are counted beside.
    version = load_version("one", 2, folder=run.parent / "templates")
    assert beside == {"a": version, "c": version}
    assert [template.growth for template in results.templates] == [growth, asked[1][2]]
    assert results.growth == asked[1][2]


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


def unserved(change, seeds):
    """A version that one model cannot be served by."""
    misfit = Misfit(model="a", reason="it is too big", excess=12.0)
    return VersionDecision(tuple(seeds), change.run.settings, (misfit,), None, ())


def test_every_template_is_tried_on_its_own_models_and_kept_or_not_by_itself(trying, tmp_path):
    result = trying()
    assert trying.tested == [("one", ["a", "c"], ["a", "c"]), ("two", ["b", "d"], ["b", "d"])]
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


def test_a_template_that_gets_no_version_does_not_stop_the_others(trying):
    both = {"one": ["label_smoothing"], "two": ["target_attention"]}
    first, second = trying(fitting=both).templates
    assert first.decision == "not kept"
    assert second.decision == "not made"
    assert "does not fit the paradigm" in second.reason
    assert [name for name, *_ in trying.tested] == ["one"]


def test_where_no_template_gets_a_version_the_reason_is_raised(trying, tmp_path):
    with pytest.raises(InputError, match="does not fit the paradigm"):
        trying(fitting={"two": ["target_attention"]})
    assert not Folder(tmp_path / "out").exists(RESULT)


def test_templates_whose_versions_are_stored_are_not_tried_again(trying, tmp_path):
    whole = trying()
    out = tmp_path / "out"
    stored = Folder(out / "one")
    template = read_result(stored, IntegrationResult).version.template
    version = Version(name="one", number=2, parent=1, written="2026-01-31", template=template)
    write_version(version, tmp_path / "templates")
    trying.tested.clear()
    assert trying(resume=True) == whole
    assert [name for name, *_ in trying.tested] == ["two"]


def test_a_folder_that_holds_back_tests_is_only_gone_on_with(trying):
    trying()
    trying.tested.clear()
    with pytest.raises(InputError, match="is not empty; go on with --resume"):
        trying()
    assert trying.tested == []
