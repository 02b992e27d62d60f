import math
import shlex

import numpy as np
import pytest
from made_generalization import made_sensitivity
from made_models import made_model

from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.fleet import Fleet, Representatives
from smt.mmo import Generalization, Settings, TechniqueResult, Trial, Verdict, aggregate
from smt.mmo.record import save
from smt.results.folder import read_result, write_result
from smt.results.generalization import GeneralizationResult
from smt.storage import Folder
from smt.techniques import catalogue
from smt.template import Choice, FleetTemplates, Float, Technique, Template
from smt.template.versions import Version, load_record, write_version
from smt.template_iteration import integrate

NAME = "t"
FIRST = Version(name=NAME, number=1, written="2026-01-31", template=Template(name=NAME))
BASELINE = {"ne": 0.9, "flops": 10, "bytes": 40, "train_rows": 20, "judged_rows": 30}
OWN = """
from smt.errors import InputError
from smt.template import Float, Technique

def slow(template, *, rate):
    return template.change("training", dense_rate=rate)

technique = Technique("slow", "training", {"rate": Float(0, 1)}, slow, "a test")

def slower(template):
    if template.training.dense_rate != 0.5:
        raise InputError("only a slow template gets slower")
    return template.change("training", dense_rate=0.25, batch_size=9)

after = Technique("slower", "training", {}, slower, "a test")
"""


def search(name, theta, deltas):
    """What a search of one trial found."""
    technique = catalogue.get(name) or Technique(name, "training", {}, OWN, "a test")
    outcome = aggregate(deltas)
    trial = Trial(theta, deltas, (0.1, 0.1), outcome)
    best = trial if outcome.feasible else None
    return TechniqueResult(
        technique,
        tuple(map(made_model, ("a", "b"))),
        (trial,),
        estimate=None,
        paper=best,
        stopped=None,
        verdict=Verdict(None if best is None else 0, best and "gain", "as a test wants it"),
    )


def write_run(folder, generalized, template=FIRST.template, **settings):
    """A run of generalize, without its training, saved by the code that saves real ones."""
    models = tuple(made_model(name) for name in ("a", "b"))
    baselines = {
        model.name: Evaluation(
            name="",
            key="",
            technique=None,
            trial=None,
            theta={},
            model=model.name,
            seed=3,
            **BASELINE,
        )
        for model in models
    }
    results = [search(name, theta, (0.3, 0.1)) for name, theta in generalized.items()]
    results += [search("weak", {}, (0.3, -0.1)), search("broken", {}, (math.nan, 0.1))]
    fleet = Fleet(name="shop", models=models)
    found = Generalization(
        fleet,
        FleetTemplates.of_one(template, fleet),
        Settings(trials=7, seed=3, alpha=0.02, **settings),
        Representatives(models, np.array([0, 1]), np.zeros(2), {1: 1.0}, {}, np.zeros((2, 2))),
        models[:1],
        baselines,
        (),
        tuple(results),
    )
    save(found, Folder(folder))
    return folder


def advise(run, technique, hyperparameter, domain):
    """Let a saved run want a hyperparameter exposed."""
    result = read_result(Folder(run), GeneralizationResult)
    wanted = {hyperparameter: made_sensitivity("expose", "models differ", domain)}
    techniques = tuple(
        each.model_copy(update={"sensitivity": {**each.sensitivity, **wanted}})
        if each.name == technique
        else each
        for each in result.techniques
    )
    write_result(Folder(run), result.model_copy(update={"techniques": techniques}))


def rename_weak(run, name, theta):
    """Let the technique of a saved run that did not generalize be another."""
    result = read_result(Folder(run), GeneralizationResult)
    techniques = tuple(
        known.model_copy(
            update={"name": name, "shown": known.shown.model_copy(update={"theta": theta})}
        )
        if known.name == "weak"
        else known
        for known in result.techniques
    )
    write_result(Folder(run), result.model_copy(update={"techniques": techniques}))


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
    version = integrate(run, NAME, folder=templates).version
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
    record = integrate(run, NAME, folder=templates).version.run
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
    assert {"--early-rejection", "--no-sequential"} <= set(words)
    assert not [word for word in words if "True" in word or "None" in word]


def test_techniques_measured_on_top_of_each_other_keep_the_runs_order(tmp_path, templates):
    names = ("ema_weights", "label_smoothing", "dcn_v2")
    found = {name: theta_of(name) for name in names}
    run = write_run(tmp_path / "run", found, sequential=True)
    version = integrate(run, NAME, folder=templates).version
    assert tuple(each.name for each in version.techniques) == names
    some = integrate(run, NAME, techniques=["dcn_v2", "ema_weights"], folder=templates).version
    assert [each.name for each in some.techniques] == ["ema_weights", "dcn_v2"]


def test_the_version_without_each_technique_is_made_of_the_others(tmp_path, templates):
    found = {name: theta_of(name) for name in ("dcn_v2", "ema_weights")}
    run = write_run(tmp_path / "run", found)
    change = integrate(run, NAME, folder=templates)
    assert {each.technique: each.template for each in change.reduced} == {
        "dcn_v2": catalogue["ema_weights"].apply(FIRST.template, found["ema_weights"]),
        "ema_weights": catalogue["dcn_v2"].apply(FIRST.template, found["dcn_v2"]),
    }
    assert integrate(run, NAME, techniques=["dcn_v2"], folder=templates).reduced == ()


def test_a_technique_that_others_need_cannot_be_left_out(tmp_path, templates):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    run = write_run(tmp_path / "run", {"slow": {"rate": 0.5}, "slower": {}}, sequential=True)
    names = [f"{own}:technique", f"{own}:after"]
    without_slow, without_slower = integrate(run, NAME, techniques=names, folder=templates).reduced
    assert without_slow.template is None
    assert "technique 'slower' cannot be integrated: only a slow" in without_slow.failure
    assert without_slower.template.training.dense_rate == 0.5


def test_what_a_run_wants_exposed_is_the_models_own_with_theta_as_the_default(tmp_path, templates):
    own = tmp_path / "own.py"
    own.write_text(OWN)
    found = {"slow": {"rate": 0.5}, "ema_weights": {"horizon": 100.0}}
    run = write_run(tmp_path / "run", found)
    advise(run, "slow", "rate", Float(0.1, 0.4))
    advise(run, "ema_weights", "horizon", Float(50, 200))
    names = [f"{own}:technique", "ema_weights"]
    change = integrate(run, NAME, techniques=names, folder=templates)
    version = change.version
    assert version.template.exposed == {"training.dense_rate": Float(0.1, 0.5)}
    assert version.template.training.dense_rate == 0.5
    assert {each.name: each.exposed for each in version.techniques} == {
        "ema_weights": (),
        "slow": ("rate",),
    }
    horizon, rate = change.exposures
    assert str(rate) == ("rate of slow is exposed as training.dense_rate, a number in [0.1, 0.5]")
    assert str(horizon).startswith("horizon of ema_weights stays fixed: training.ema_decay is not")
    write_version(version, templates)
    assert load_record(NAME, folder=templates) == version
    without = {each.technique: each.template.exposed for each in change.reduced}
    assert without == {"slow": {}, "ema_weights": version.template.exposed}
    fixed = integrate(run, NAME, techniques=names, exposing=False, folder=templates)
    assert fixed.exposures == ()
    assert fixed.version.template.exposed == {}
    assert {each.exposed for each in fixed.version.techniques} == {()}


def test_what_a_technique_that_did_not_generalize_sets_is_left_to_the_models(tmp_path, templates):
    """The paper, §6.3.2: what models disagree on is a candidate for exposure."""
    run = write_run(tmp_path / "run", {"ema_weights": theta_of("ema_weights")})
    rename_weak(run, "table_learning_rate", {"rate": 0.3})
    advise(run, "table_learning_rate", "rate", Float(0.1, 0.4))
    rate = FIRST.template.training.table_rate
    change = integrate(run, NAME, folder=templates)
    template = change.version.template
    assert template.training.table_rate == rate
    assert template.exposed == {"training.table_rate": Float(rate, 0.4)}
    assert [known.name for known in change.version.techniques] == ["ema_weights"]
    fixed = integrate(run, NAME, exposing=False, folder=templates)
    assert (fixed.version.template.exposed, fixed.exposures) == ({}, ())


def test_what_helps_some_models_and_harms_others_is_each_models_own_choice(tmp_path, templates):
    """Of the technique 'weak' one model gains 0.3%, and the other loses 0.1%."""
    run = write_run(tmp_path / "run", {"ema_weights": theta_of("ema_weights")})
    rename_weak(run, "entire_space", {})
    change = integrate(run, NAME, folder=templates)
    (exposure,) = change.exposures
    assert exposure.reason == "where each model chooses for itself they gain +0.15%"
    template = change.version.template
    assert not template.architecture.entire_space
    assert template.exposed == {"architecture.entire_space": Choice([False, True])}


def test_a_run_on_fewer_rows_makes_a_version_that_trains_on_all(tmp_path, templates):
    """How much a run trained on is its own affair: it is searched, tried and said so."""
    searched = FIRST.template.change("data", train_rows=500).change("training", workers=2)
    theta = theta_of("ema_weights")
    run = write_run(tmp_path / "run", {"ema_weights": theta}, searched)
    change = integrate(run, NAME, folder=templates)
    version = change.version
    assert version.template == catalogue["ema_weights"].apply(FIRST.template, theta)
    assert (version.parent, version.template.data.train_rows) == (1, None)
    tried = change.as_trained(version.template)
    assert tried == catalogue["ema_weights"].apply(searched, theta)
    assert change.as_trained(change.parent.template) == searched
    assert "--train-rows=500" in shlex.split(version.run.command)


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
    version = integrate(run, NAME, techniques=names, folder=templates).version
    assert [each.name for each in version.techniques] == ["ema_weights", "slow"]
    assert version.template.training.dense_rate == 0.5
    assert version.template.architecture == FIRST.template.architecture
    with pytest.raises(InputError, match=r"technique 'slow' is not in the catalogue; .*FILE\.py"):
        integrate(run, NAME, folder=templates)


def test_the_parent_is_the_version_that_the_run_searched(tmp_path, templates):
    second = FIRST.template.change("training", batch_size=77)
    write_version(FIRST.model_copy(update={"number": 2, "template": second}), templates)
    run = write_run(tmp_path / "run", {"dcn_v2": theta_of("dcn_v2")})
    version = integrate(run, NAME, folder=templates).version
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
    result = read_result(Folder(tmp_path / "run"), GeneralizationResult)
    outside = {"dcn_v2": {**theta, "rank": -1}}
    run = tmp_path / "outside"
    write_result(Folder(run), result.model_copy(update={"generalized": outside}))
    with pytest.raises(InputError, match=r"'dcn_v2' cannot be integrated: .*rank = -1"):
        integrate(run, NAME, folder=templates)


def test_a_technique_that_another_one_undoes_is_refused(tmp_path, templates):
    both = {name: theta_of(name) for name in ("hstu", "target_attention")}
    run = write_run(tmp_path / "run", both)
    with pytest.raises(InputError, match="changes nothing of template 't' beside"):
        integrate(run, NAME, folder=templates)
    version = integrate(run, NAME, techniques=["hstu"], folder=templates).version
    assert version.techniques[0].name == "hstu"


def towers(run):
    """The run as if its fleet had models of two templates, both of one name's versions."""
    result = read_result(Folder(run), GeneralizationResult)
    other = Template(name="two", paradigm="decoupled_sparsenn")
    both = {"two@4": other, "t": FIRST.template}
    write_result(Folder(run), result.model_copy(update={"templates": both}))
    return other


def test_each_template_of_a_run_gets_the_techniques_that_fit_it(tmp_path, templates):
    found = {name: theta_of(name) for name in ("dcn_v2", "target_attention")}
    run = write_run(tmp_path / "run", found)
    other = towers(run)
    write_version(Version(name="two", number=1, written="2026-01-31", template=other), templates)
    one, two = (integrate(run, name, folder=templates) for name in (NAME, "two"))
    assert (one.called, two.called) == ("t", "two@4")
    assert {each.name for each in one.version.techniques} == {*found}
    assert [each.name for each in two.version.techniques] == ["dcn_v2"]
    assert two.version.template == catalogue["dcn_v2"].apply(other, found["dcn_v2"])
    # Templates are the fleet's own: none is typed.
    assert "--template" not in one.version.run.command
    with pytest.raises(InputError, match=r"'target_attention' .* does not fit the paradigm"):
        integrate(run, "two", techniques=["target_attention"], folder=templates)


def test_a_template_that_no_technique_of_a_run_fits_gets_no_version(tmp_path, templates):
    run = write_run(tmp_path / "run", {"target_attention": theta_of("target_attention")})
    other = towers(run)
    write_version(Version(name="two", number=1, written="2026-01-31", template=other), templates)
    with pytest.raises(InputError, match="no technique that generalizes fits template 'two'"):
        integrate(run, "two", folder=templates)


def test_a_folder_without_a_finished_run_is_refused(tmp_path, templates):
    with pytest.raises(InputError, match=r"holds no result\.json; .* finished generalization"):
        integrate(tmp_path, NAME, folder=templates)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"result\.json: has no 'kind' and 'format'"):
        integrate(tmp_path, NAME, folder=templates)
