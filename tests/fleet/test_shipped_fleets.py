from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from smt.data.columns import Bucket, Cross, Embedding, Sequence
from smt.data.sources import store
from smt.data.sources.kuairand import read_kuairand
from smt.fleet import load_fleet, open_fleet, select_representatives
from smt.fleet.draft import draft_models, write_fleet
from smt.fleet.fleet_file import FleetFile, load_frame
from smt.fleet.model_spec import Stage
from smt.template import catalogue, count_fleet_flops, find_fleet_templates

ROOT = Path(__file__).parents[2]
FLEETS = ROOT / "experiments" / "fleets"
KUAIRAND = ROOT.parent / "shared" / "data" / "kuairand_pure"


SIMULATED = FLEETS / "simulated.yaml"


@pytest.fixture(scope="module")
def simulated():
    return open_fleet(load_fleet(SIMULATED))


@pytest.fixture(scope="module")
def kuairand_log(tmp_path_factory):
    if not KUAIRAND.is_dir():
        pytest.skip("the KuaiRand sample is not beside the repository")
    folder = tmp_path_factory.mktemp("kuairand") / "log"
    store(read_kuairand(KUAIRAND), folder, test_share=0.2)
    return str(folder)


def check_kinds(fleet):
    """What a fleet has to look like to stand for those of companies."""
    assert len(fleet.models) >= 250
    assert len({model.stage for model in fleet.models}) == 3
    for stage in get_args(Stage):
        of_stage = [model for model in fleet.models if model.stage == stage]
        assert len({model.inference_hardware for model in of_stage}) >= 2
        assert {len(model.events) for model in of_stage} >= {1, 2}
        assert all(None not in dict(model.limits).values() for model in of_stage)
    for model in fleet.models:
        assert model.log.transforms


def check_values(fleet, value):
    """A value is predicted alone in two stages, and in ranking beside events of 0 and 1."""
    alone = [model for model in fleet.models if model.events == (value,)]
    assert {model.stage for model in alone} == {"pre_ranking", "ranking"}
    jointly = [model for model in fleet.models if value in model.events[:1] and model not in alone]
    assert jointly
    assert all({"click", "long_view"} < {*model.events} for model in jointly)
    assert {model.stage for model in jointly} == {"ranking"}


def test_the_simulated_fleet_has_models_of_every_kind_that_can_all_be_trained(simulated):
    assert simulated.unfit == {}
    check_kinds(simulated.fleet)
    assert len(simulated.logs) == 2
    assert len({event for model in simulated.fleet.models for event in model.events}) == 8
    check_values(simulated.fleet, "watch_time")
    read = {feature for model in simulated.fleet.models for feature in model.features}
    for log in simulated.logs.values():
        assert read >= {*log.schema.names(Sequence), *log.schema.names(Embedding, Cross, Bucket)}


def test_the_kuairand_fleet_has_models_of_every_kind():
    fleet = load_fleet(FLEETS / "kuairand.yaml")
    check_kinds(fleet)
    read = {feature for model in fleet.models for feature in model.features}
    assert read >= {"history_videos", "history_authors", "history_tags", "activity_tab"}
    check_values(fleet, "play_time")


def test_the_kuairand_fleet_can_be_trained_on_its_log(kuairand_log):
    assert open_fleet(load_fleet(FLEETS / "kuairand.yaml", log=kuairand_log)).unfit == {}


def test_drafting_the_simulated_fleet_again_gives_the_file_that_is_shipped(tmp_path):
    write_fleet(draft_models(load_frame(SIMULATED)), str(tmp_path / "again.yaml"))
    assert (tmp_path / "again.yaml").read_text() == SIMULATED.read_text()


def test_drafting_the_kuairand_fleet_again_gives_the_models_that_are_shipped(kuairand_log):
    file = FLEETS / "kuairand.yaml"
    frame = load_frame(file).model_copy(update={"log": kuairand_log})
    assert draft_models(frame).models == FleetFile.load(file).models


@pytest.mark.parametrize("name", ["simulated", "kuairand"])
def test_the_traffic_of_a_shipped_fleet_follows_a_power_law(name):
    file = FleetFile.load(FLEETS / f"{name}.yaml")
    weights = sorted((model.weight for model in file.models), reverse=True)
    ranks = np.arange(1, len(weights) + 1)
    expected = 100 / ranks**file.draft.traffic_exponent
    np.testing.assert_allclose(weights, expected, atol=0.001)


@pytest.mark.parametrize("name", ["simulated", "kuairand"])
def test_the_rules_of_a_large_fleet_build_it_from_all_six_templates(name):
    fleet = load_fleet(FLEETS / f"{name}.yaml")
    assigned = find_fleet_templates(fleet)
    assert {name.partition("@")[0] for name in assigned.templates} == {*catalogue}
    assert assigned.remarks == ()
    counts = Counter(name.partition("@")[0] for name in assigned.names.values())
    for paradigm in ("sparsenn", "decoupled_sparsenn"):
        assert counts[f"{paradigm}_large"] >= 6
        assert counts[f"{paradigm}_medium"] >= 12
        assert counts[f"{paradigm}_small"] > 6 * counts[f"{paradigm}_medium"]


def test_models_of_small_surfaces_set_the_rate_that_all_their_templates_expose():
    fleet = load_fleet(FLEETS / "kuairand.yaml")
    assigned = find_fleet_templates(fleet)
    rates = {}
    for model in fleet.models:
        rate = assigned.of(model).for_model(model).training.table_rate
        rates.setdefault(rate, set()).add(model.surface)
    assert rates == {0.05: {"all", "tab_1"}, 0.12: {"tab_0", "tab_2", "tab_4", "tab_6"}}


@pytest.mark.parametrize("seed", range(3))
def test_some_twenty_representatives_stand_for_all_that_the_simulated_fleet_has(simulated, seed):
    templates = find_fleet_templates(simulated.fleet)
    fleet = count_fleet_flops(templates, simulated.fleet, simulated.logs)
    check_representatives(fleet, templates, seed)


def test_some_twenty_representatives_stand_for_all_that_the_kuairand_fleet_has(kuairand_log):
    opened = open_fleet(load_fleet(FLEETS / "kuairand.yaml", log=kuairand_log))
    templates = find_fleet_templates(opened.fleet)
    check_representatives(count_fleet_flops(templates, opened.fleet, opened.logs), templates, 0)


def check_representatives(fleet, templates, seed):
    chosen = select_representatives(fleet, seed=seed, kinds=templates.names).models
    assert 15 <= len(chosen) <= 25
    for attribute in ("stage", "surface", "inference_hardware", "data_constraint"):
        values = [
            {getattr(model, attribute) for model in models} for models in (fleet.models, chosen)
        ]
        assert values[0] == values[1], attribute
    events = [
        {name for model in models for name in model.events} for models in (fleet.models, chosen)
    ]
    assert events[0] == events[1]
    counts = Counter(model.events for model in chosen)
    assert max(counts.values()) <= len(chosen) / 2
    assert any(len(events) > 1 for events in counts)
    assert {templates.names[model.name] for model in chosen} == {*templates.templates}
