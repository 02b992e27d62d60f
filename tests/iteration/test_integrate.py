import math
import shlex

import numpy as np
import pytest

from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.execution.storage import Folder
from smt.fleet import Fleet, ModelSpec, Representatives
from smt.iteration import integrate, read_finished_run
from smt.mmo import Generalization, Settings, TechniqueResult, Trial, aggregate
from smt.mmo.results import save
from smt.techniques import catalogue
from smt.template import Technique, Template
from smt.template.versions import Version, load_record, write_version

NAME = "t"
FIRST = Version(name=NAME, number=1, written="2026-01-31", template=Template(name=NAME))
OWN = """
from smt.template import Float, Technique

def slow(template, *, rate):
    return template.change("training", dense_rate=rate)

technique = Technique("slow", "training", {"rate": Float(0, 1)}, slow, "a test")
"""


def search(name, theta, deltas):
    """What a search of one trial found."""
    technique = catalogue.get(name) or Technique(name, "training", {}, OWN, "a test")
    outcome = aggregate(deltas)
    trial = Trial(theta, deltas, (0.1, 0.1), outcome)
    best = trial if outcome.feasible else None
    return TechniqueResult(
        technique,
        (trial,),
        best=best,
        estimate=None,
        paper=best,
        stopped=None,
        generalizes=best is not None,
    )


def write_run(folder, generalized, template=FIRST.template):
    """A run of generalize, without its training, saved by the code that saves real ones."""
    models = tuple(
        ModelSpec(
            name=name,
            stage="ranking",
            events=("click",),
            surface="all",
            data_constraint="full",
            log="log",
            features=("user",),
        )
        for name in ("a", "b")
    )
    baselines = {
        model.name: Evaluation(
            name="", key="", technique=None, trial=None, theta={}, model=model.name, seed=3, ne=0.9
        )
        for model in models
    }
    results = [search(name, theta, (0.3, 0.1)) for name, theta in generalized.items()]
    results += [search("weak", {}, (0.3, -0.1)), search("broken", {}, (math.nan, 0.1))]
    found = Generalization(
        Fleet(name="shop", models=models),
        template,
        Settings(trials=7, seed=3, alpha=0.02),
        Representatives(models, np.array([0, 1]), {1: 1.0}, np.zeros((2, 2))),
        baselines,
        tuple(results),
    )
    save(found, Folder(folder))
    return folder


@pytest.fixture
def templates(tmp_path):
    write_version(FIRST, tmp_path / "templates")
    return tmp_path / "templates"


def theta_of(name):
    """Some point of a technique's space."""
    return {
        key: domain.values[0] if hasattr(domain, "values") else domain.low
        for key, domain in catalogue[name].space.items()
    }


def test_a_version_is_the_parent_with_the_techniques_in_the_catalogues_order(tmp_path, templates):
    names = ("ema_weights", "label_smoothing", "dcn_v2")
    run = write_run(tmp_path / "run", {name: theta_of(name) for name in names})
    version = integrate(run, NAME, folder=templates)
    expected = FIRST.template
    for name in ("dcn_v2", "label_smoothing", "ema_weights"):
        expected = catalogue[name].apply(expected, theta_of(name))
    assert version.template == expected
    assert [each.name for each in version.techniques] == [
        "dcn_v2",
        "label_smoothing",
        "ema_weights",
    ]
    assert [each.theta for each in version.techniques] == [
        theta_of(each.name) for each in version.techniques
    ]
    assert (version.number, version.parent, version.backtest) == (2, 1, None)
    write_version(version, templates)
    assert load_record(NAME, folder=templates) == version
    with pytest.raises(InputError, match="what it leads to is 't@2' already"):
        integrate(run, NAME, folder=templates)


def test_the_run_that_justified_it_is_recorded(tmp_path, templates):
    run = write_run(tmp_path / "run", {"dcn_v2": theta_of("dcn_v2")})
    record = integrate(run, NAME, folder=templates).run
    assert record.fleet == "shop"
    assert record.representatives == ("a", "b")
    assert (record.trials, record.seed) == (7, 3)
    # A technique that broke a model at every θ has no μ to record.
    assert set(record.techniques) == {"dcn_v2", "weak"}
    assert record.techniques["weak"].value is None
    assert record.techniques["weak"].regression_rate == 0.5
    words = shlex.split(record.command)
    assert words[:5] == ["generalize.py", "--techniques", "dcn_v2", "weak", "broken"]
    assert {"--template=t@1", "--trials=7", "--seed=3", "--alpha=0.02"} <= set(words)


def test_only_the_named_techniques_are_integrated(tmp_path, templates):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    found = {
        "slow": {"rate": 0.5},
        "ema_weights": theta_of("ema_weights"),
        "dcn_v2": theta_of("dcn_v2"),
    }
    run = write_run(tmp_path / "run", found)
    names = [f"{own}:technique", "ema_weights"]
    version = integrate(run, NAME, techniques=names, folder=templates)
    assert [each.name for each in version.techniques] == ["ema_weights", "slow"]
    assert version.template.training.dense_rate == 0.5
    assert version.template.architecture == FIRST.template.architecture
    with pytest.raises(InputError, match=r"technique 'slow' is not in the catalogue; .*FILE\.py"):
        integrate(run, NAME, folder=templates)


def test_the_parent_is_the_version_that_the_run_searched(tmp_path, templates):
    second = FIRST.template.change("training", batch_size=77)
    write_version(FIRST.model_copy(update={"number": 2, "template": second}), templates)
    run = write_run(tmp_path / "run", {"dcn_v2": theta_of("dcn_v2")})
    version = integrate(run, NAME, folder=templates)
    assert (version.number, version.parent) == (3, 1)
    assert version.template.training.batch_size == FIRST.template.training.batch_size


def test_a_run_on_another_template_is_refused_with_the_difference(tmp_path, templates):
    other = Template(name="u").change("data", train_rows=5)
    run = write_run(tmp_path / "run", {"dcn_v2": theta_of("dcn_v2")}, other)
    expected = r"run: its template 'u' is no version of 't'; .*'t@1' in name, data\.train_rows$"
    with pytest.raises(InputError, match=expected):
        integrate(run, NAME, folder=templates)


def test_techniques_that_do_not_fit_are_refused(tmp_path, templates):
    theta = theta_of("dcn_v2")
    run = write_run(tmp_path / "run", {"dcn_v2": theta})
    with pytest.raises(InputError, match="'ema_weights' does not generalize; known: dcn_v2"):
        integrate(run, NAME, techniques=["ema_weights"], folder=templates)
    run = write_run(tmp_path / "none", {})
    with pytest.raises(InputError, match="none of its techniques generalizes"):
        integrate(run, NAME, folder=templates)
    run = write_run(tmp_path / "outside", {"dcn_v2": {**theta, "rank": -1}})
    with pytest.raises(InputError, match=r"'dcn_v2' cannot be integrated: .*rank = -1"):
        integrate(run, NAME, folder=templates)


def test_a_technique_that_another_one_undoes_is_refused(tmp_path, templates):
    both = {name: theta_of(name) for name in ("hstu", "target_attention")}
    run = write_run(tmp_path / "run", both)
    with pytest.raises(InputError, match="changes nothing of template 't' beside"):
        integrate(run, NAME, folder=templates)
    assert integrate(run, NAME, techniques=["hstu"], folder=templates).techniques[0].name == "hstu"


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no result\.json; a finished run"):
        read_finished_run(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"result\.json: has no 'generalized'"):
        read_finished_run(tmp_path)
