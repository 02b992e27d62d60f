"""Launches of a version that does nothing: what is said of them is right as often as is said."""

from pathlib import Path

import numpy as np
import pytest
from made_models import made_model
from scipy import stats

from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import Fleet
from smt.model_iteration import Evidence, FleetLaunch, Launch, LaunchSettings, decide
from smt.model_iteration.record import CRITICAL, save_instances
from smt.search.delta import Delta
from smt.storage import Folder
from smt.template import Template, find_template
from smt.training import paired_delta, train
from smt.training.clusters import MISSING
from smt.training.shared_noise import bucket_shares

TEMPLATES = str(Path(__file__).parents[2] / "experiments" / "templates")
USERS, MODELS = 600, 16


def result_of(models, evidence, folder):
    """Of a launch whose models left this evidence."""
    fleet, settings = Fleet(name="nothing", models=models), LaunchSettings()
    launch = Launch(Template(name="small"), "small@2", 2, Template(name="small"), "small@1")
    launched = FleetLaunch(dict.fromkeys((model.name for model in models), launch))
    return save_instances(
        decide(models, evidence, settings), fleet, launched, settings, Folder(folder)
    )


def simulated(rng):
    """Evidence of a fleet whose models are judged by rows of the same users.

    Users gain or lose, partly alike under all models of a fleet, and another seed moves each model.
    Every model is judged by the rows of its own surface, of which there are three.
    """
    rows = rng.poisson(8, USERS) + 1
    ids, surfaces = np.repeat(np.arange(1, USERS + 1), rows), rng.integers(0, 3, rows.sum())
    alike = rng.normal(0, 0.01, USERS)
    for number in range(MODELS):
        own = ids[surfaces == number % 3]
        before = rng.gamma(1.5, 0.5, len(own)).astype(np.float32)
        gains = 0.4 * alike + 0.9 * rng.normal(0, 0.01, USERS)
        change = gains[own - 1] + rng.normal(0, 0.02, len(own)) + rng.normal(0, 0.0007)
        after = (before * (1 - change)).astype(np.float32)
        yield Evidence(
            model=f"m{number}",
            key="key",
            finding="could ship",
            delta=Delta.of(*paired_delta(before, after, own)),
            bucket_shares=tuple(bucket_shares(before, after, own)),
        )


def test_a_launch_of_nothing_is_called_neutral_and_most_models_ship(tmp_path):
    launches, hits, apart, fell, ships = 400, 0, 0, 0, 0
    for seed in range(launches):
        rng = np.random.default_rng(seed)
        evidence = [*simulated(rng)]
        weights = rng.lognormal(0, 1, MODELS)
        models = tuple(made_model(f"m{n}", weight=weight) for n, weight in enumerate(weights))
        result = result_of(models, evidence, tmp_path)
        hits += result.delta.each.effect == "is neutral"
        fell += result.delta.regressed
        ships += result.outcomes["ships"]
        error = np.sqrt(sum(each.delta.sem**2 for each in evidence)) / MODELS
        apart += abs(result.delta.each.mean) < CRITICAL * error
    low, high = stats.binom.interval(0.999, launches, 0.95)
    assert low <= hits <= high
    # As if models had errors of their own, the interval would be too short.
    assert apart < 0.8 * launches
    assert fell > 0.3 * launches * MODELS
    assert ships > 0.75 * launches * MODELS


EVENTS = ("click", "view", "long_view", "like")
FEATURES = (("user", "item", "segment", "hour"), ("item", "category", "user_age", "item_price"))


@pytest.mark.slow
def test_networks_from_another_seed_are_called_neutral_and_most_ship(tmp_path):
    """Twenty launches, each of eight models on a log of its own."""
    launches, hits, by_traffic, fell, ships = 20, 0, 0, 0, 0
    template = find_template("sparsenn_demo", folder=TEMPLATES)
    for seed in range(launches):
        log = Simulator(SimulatorSpec(rows=8000, num_users=600, num_items=300, seed=seed)).log()
        models = tuple(
            made_model(f"{event}/{n}", events=(event,), features=features, weight=1.0 + n)
            for event in EVENTS
            for n, features in enumerate(FEATURES)
        )
        result = result_of(models, [measured(template, model, log) for model in models], tmp_path)
        hits += result.delta.each.effect == "is neutral"
        by_traffic += result.delta.by_traffic.effect == "is neutral"
        fell += result.delta.regressed
        ships += result.outcomes["ships"]
    # Fewer come up once in a thousand times where an interval holds 0 with a chance of 0.95.
    least = stats.binom.ppf(0.001, launches, 0.95)
    assert min(hits, by_traffic) >= least
    assert fell > 0.2 * launches * len(models)
    assert ships > 0.6 * launches * len(models)


def measured(template, model, log):
    """Evidence of a model, made by the same template from another seed."""
    before, after = (train(template, model, log, seed=seed) for seed in (1, 2))
    keys = np.where(before.groups == MISSING, -1 - np.arange(len(before.groups)), before.groups)
    return Evidence(
        model=model.name,
        key="key",
        finding="could ship",
        delta=Delta.of(*paired_delta(before.losses, after.losses, before.groups)),
        bucket_shares=tuple(bucket_shares(before.losses, after.losses, keys)),
    )
