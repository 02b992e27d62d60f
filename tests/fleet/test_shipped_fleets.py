from pathlib import Path

import pytest

from smt.data import expression, split_by_time
from smt.data.log import Log
from smt.data.sources.kuairand import read_kuairand
from smt.fleet import load_fleet, open_logs
from smt.fleet.draft import MIN_POSITIVES
from smt.template import catalogue, find_fleet_templates

ROOT = Path(__file__).parents[2]
FLEETS = ROOT / "experiments" / "fleets"
KUAIRAND = ROOT.parent / "shared" / "data" / "kuairand_pure"


def least_positives(fleet, log):
    """The fewest positives that a model of the fleet has in its test window."""
    counted = {}
    for model in fleet.models:
        rows = counted.setdefault(
            str(model.filter),
            log.test if not model.filter else log.test.filter(expression(model.filter, log.schema)),
        )
        counted[model.name] = int(rows[model.events[0]].to_numpy().sum())
    return min(value for value in counted.values() if isinstance(value, int))


def test_the_simulated_fleet_has_252_models_with_enough_positives():
    fleet = load_fleet(FLEETS / "simulated.yaml")
    assert len(fleet.models) == 252
    (log,) = open_logs(fleet.models).values()
    assert least_positives(fleet, log) >= MIN_POSITIVES


def test_the_kuairand_fleet_covers_its_log_with_enough_positives():
    if not KUAIRAND.is_dir():
        pytest.skip("the KuaiRand sample is not beside the repository")
    fleet = load_fleet(FLEETS / "kuairand.yaml")
    source = read_kuairand(KUAIRAND)
    train, test = split_by_time(source.rows, source.schema, 0.2)
    assert len(fleet.models) >= 60
    for attribute in ("stage", "surface", "data_constraint"):
        assert len({getattr(model, attribute) for model in fleet.models}) >= 3
    assert least_positives(fleet, Log(source.schema, train, test, "kuairand")) >= MIN_POSITIVES


@pytest.mark.parametrize("name", ["simulated", "kuairand"])
def test_the_rules_of_a_large_fleet_build_it_from_all_six_templates(name):
    fleet = load_fleet(FLEETS / f"{name}.yaml")
    assigned = find_fleet_templates(fleet)
    assert {name.partition("@")[0] for name in assigned.templates} == {*catalogue}
    assert assigned.remarks == ()
