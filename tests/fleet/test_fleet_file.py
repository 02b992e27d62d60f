from pathlib import Path

import pytest
import yaml

from smt.data.columns import Cross
from smt.errors import InputError
from smt.fleet import Fleet, StoredLog, load_fleet, log_folder, log_schema
from smt.fleet.draft import write_fleet
from smt.fleet.fleet_file import FleetFile
from smt.fleet.logs import open_source

FLEET = """
name: shop
log: data/shop
stages:
  ranking: {features: [user, item, history], inference_hardware: gpu, limits: {flops: 5000}}
  retrieval: {features: [user, item]}
surfaces:
  feed: {filter: {surface: 1}}
  all: {}
data_constraints:
  full: {}
  no_history: {without: [history]}
  adults: {filter: {age: {at_least: 18}}}
models:
- {name: a, stage: ranking, events: [click], surface: feed, data_constraint: full, weight: 3}
- {name: b, stage: retrieval, events: [like, click], surface: all, data_constraint: no_history}
- {name: c, stage: ranking, events: [click], surface: feed, data_constraint: adults}
- {name: d, stage: ranking, events: [click], surface: feed, data_constraint: no_history}
"""


def write(tmp_path, change=lambda content: None):
    content = yaml.safe_load(FLEET)
    change(content)
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_model_gets_what_its_stage_surface_and_constraint_say(tmp_path):
    a, b, c, d = load_fleet(write(tmp_path)).models
    assert (a.features, a.filter, a.weight) == (("user", "item", "history"), {"surface": 1}, 3)
    assert (a.inference_hardware, a.limits.flops, a.log) == ("gpu", 5000, "data/shop")
    assert (b.events, b.filter, b.weight, b.limits.flops) == (("like", "click"), {}, 1, None)
    assert set(c.filter) == {"surface", "age"}
    assert c.filter["age"].at_least == 18
    assert d.features == ("user", "item")
    assert a.inference_flops is None


def test_a_model_sets_exposed_hyperparameters_under_their_own_key(tmp_path):
    own = {"training.dense_rate": 0.01, "training.schedule.kind": "constant"}
    path = write(tmp_path, lambda content: content["models"][1].update(hyperparameters=own))
    models = load_fleet(path).models
    assert [model.hyperparameters for model in models] == [{}, own, {}, {}]


def test_a_surface_sets_hyperparameters_of_its_models_unless_they_do(tmp_path):
    def change(content):
        shared = {"training.dense_rate": 0.01, "training.table_rate": 0.1}
        content["surfaces"]["feed"]["hyperparameters"] = shared
        content["models"][2]["hyperparameters"] = {"training.table_rate": 0.2}

    models = load_fleet(write(tmp_path, change)).models
    both = {"training.dense_rate": 0.01, "training.table_rate": 0.1}
    own = {"training.dense_rate": 0.01, "training.table_rate": 0.2}
    assert [model.hyperparameters for model in models] == [both, {}, own, both]


def test_another_log_may_take_the_place_of_the_files(tmp_path):
    models = load_fleet(write(tmp_path), log="elsewhere").models
    assert {model.log for model in models} == {"elsewhere"}


def test_a_fleet_round_trips_through_yaml(tmp_path):
    fleet = load_fleet(write(tmp_path))
    fleet.dump(tmp_path / "resolved.yaml")
    assert Fleet.load(tmp_path / "resolved.yaml") == fleet


def test_the_fleet_files_that_the_project_ships_resolve():
    files = sorted((Path(__file__).parents[2] / "experiments" / "fleets").glob("*.yaml"))
    assert files
    for file in files:
        assert load_fleet(file).models


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(modls=[]), r"unknown key 'modls'; did you mean 'models'\?"),
        (
            lambda c: c["models"][1].update(stge="ranking"),
            r"unknown key 'models\.1\.stge'",
        ),
        (
            lambda c: c["stages"]["ranking"].update(limit={}),
            r"unknown key 'stages\.ranking\.limit'",
        ),
        (
            lambda c: c["models"][0].update(stage="pre_ranking"),
            "model 'a': 'pre_ranking' not in stages; known: ranking, retrieval|did you mean",
        ),
        (
            lambda c: c["models"][0].update(surface="fed"),
            r"model 'a': 'fed' not in surfaces; did you mean 'feed'\?",
        ),
        (
            lambda c: c["models"][0].update(data_constraint="ful"),
            r"model 'a': 'ful' not in data_constraints; did you mean 'full'\?",
        ),
        (lambda c: c["models"][1].update(name="a"), "two models are named 'a'"),
        (
            lambda c: [model.update(weight=0) for model in c["models"]],
            "all weights are zero",
        ),
        (lambda c: c["models"][0].update(weight=-1), r"'models\.0\.weight'"),
        (
            lambda c: c["models"][0].update(hyperparameters={"training.dense_rate": [1]}),
            r"'models\.0\.hyperparameters\.training\.dense_rate",
        ),
        (lambda c: c["models"][0].update(events=[]), r"'models\.0\.events'"),
        (lambda c: c.update(models=[]), "'models'"),
        (
            lambda c: c["data_constraints"]["full"].update(filter={"surface": 2}),
            "model 'a': surface and data constraint both filter on 'surface'",
        ),
    ],
)
def test_a_mistake_is_refused_with_the_file_and_the_key(tmp_path, change, message):
    path = write(tmp_path, change)
    with pytest.raises(InputError, match=message) as caught:
        load_fleet(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_rules_and_models_of_a_file_name_templates(tmp_path):
    def say(content):
        content["templates"] = [{"template": "one", "stages": ["ranking"], "least_weight": 2}]
        content["models"][1]["template"] = "two@1"

    fleet = load_fleet(write(tmp_path, say))
    (rule,) = fleet.templates
    assert (rule.template, rule.stages, rule.least_weight) == ("one", ("ranking",), 2)
    assert [model.template for model in fleet.models] == [None, "two@1", None, None]


def test_what_a_fleet_says_of_templates_counts_only_where_it_says_anything(tmp_path):
    said = load_fleet(write(tmp_path)).to_dict()
    assert "templates" not in said
    assert all("template" not in model for model in said["models"])


def test_an_unknown_condition_of_a_rule_is_refused_with_its_place(tmp_path):
    path = write(
        tmp_path, lambda content: content.update(templates=[{"template": "a", "stage": 1}])
    )
    with pytest.raises(InputError, match=r"shop\.yaml: unknown key 'templates\.0\.stage'"):
        load_fleet(path)


def test_a_surface_has_a_log_and_hardware_of_its_own(tmp_path):
    content = yaml.safe_load(FLEET)
    surface = next(iter(content["surfaces"]))
    content["surfaces"][surface] |= {"log": "other", "inference_hardware": {"ranking": "cpu"}}
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump(content))
    for log in (None, "third"):
        for model in load_fleet(path, log=log).models:
            own = model.surface == surface
            assert model.log == ("other" if own else log or content["log"])
            if own and model.stage == "ranking":
                assert model.inference_hardware == "cpu"


def test_transforms_are_declared_for_every_log(tmp_path, small_log_path, small_log):
    content = yaml.safe_load(FLEET)
    transforms = {
        "pair": {"kind": "cross", "of": ["user", "item"], "num_ids": 50},
        "range": {"kind": "bucket", "of": "item_price", "boundaries": [1.0, 2.0]},
    }
    content |= {"transforms": transforms, "log": str(small_log_path)}
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump(content))
    write_fleet(FleetFile.load(path), str(tmp_path / "again.yaml"))
    assert FleetFile.load(tmp_path / "again.yaml") == FleetFile.load(path)
    source = load_fleet(path).models[0].log
    log = open_source(source)
    assert log_schema(source) == log.schema
    assert {*log.schema.features} == {*small_log.schema.features, "pair", "range"}
    assert log.digest != open_source(str(small_log_path)).digest
    assert log_folder(source) == str(small_log_path)


def test_transforms_that_a_log_cannot_make_are_refused(small_log_path):
    for made, said in (
        ({"user": Cross(of=("user", "item"), num_ids=5)}, "the log has a column 'user' already"),
        ({"pair": Cross(of=("user", "itm"), num_ids=5)}, "names 'itm'"),
    ):
        source = StoredLog(folder=str(small_log_path), transforms=made)
        with pytest.raises(InputError, match=said):
            log_schema(source)


OUTSIDE = {"predictions": "today.parquet", "on": ["user", "time"]}


def test_predictions_made_elsewhere_are_an_incumbent_and_stay_in_a_written_file(tmp_path):
    path = write(tmp_path, lambda content: content["models"][0].update(incumbent=OUTSIDE))
    first, second, *_ = load_fleet(path).models
    assert first.incumbent.to_dict() == {**OUTSIDE, "score": "score"}
    assert second.incumbent is None
    write_fleet(FleetFile.load(path), str(tmp_path / "again.yaml"))
    assert load_fleet(tmp_path / "again.yaml") == load_fleet(path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({**OUTSIDE, "scor": "p"}, r"unknown key 'models\.0\.incumbent\.predictions\.scor'"),
        ({"predictions": "today.parquet"}, r"'models\.0\.incumbent\.predictions\.on'.*required"),
        ({**OUTSIDE, "on": "user"}, "should be a list"),
        (3, r"models\.0\.incumbent"),
    ],
)
def test_an_incumbent_that_is_neither_a_template_nor_predictions_is_refused(tmp_path, wrong, said):
    path = write(tmp_path, lambda content: content["models"][0].update(incumbent=wrong))
    with pytest.raises(InputError, match=said):
        load_fleet(path)
