import pyarrow as pa
import pytest
import ray
import torch

from smt.execution.cluster import ClusterPlan, connect
from smt.execution.dispatcher import start_dispatcher
from smt.execution.evaluation import Task
from smt.execution.train_run import evaluate
from smt.fleet import load_fleet, load_logs, log_name, open_logs
from smt.search.goal import Goal
from smt.template import catalogue
from smt.training import LOCAL

TEMPLATE = catalogue["sparsenn_small"]


@pytest.fixture(scope="module")
def shared(cluster, fleet_file):
    """The fleet's models and references to its logs; one torch thread, as on a worker."""
    torch.set_num_threads(1)
    connect()
    fleet = load_fleet(fleet_file)
    logs = load_logs(open_logs(fleet.models), fleet.models)
    return fleet.models, {name: [ray.put(log)] for name, log in logs.items()}


def task(model, template=TEMPLATE, **fields):
    return Task(template=template, model=model, seed=3, log_digest="log", **fields)


def numbers(evaluation):
    return {key: value for key, value in evaluation.items() if key != "seconds"}


@pytest.fixture
def dispatch(shared, tmp_path):
    _, logs = shared
    started = []

    def start(capacity, *, more=None, limit_s=None):
        place, at_hand = str(tmp_path / f"run-{len(started)}"), {**logs, **(more or {})}
        started.append(
            start_dispatcher(
                place, f"{place}/baselines", TEMPLATE, at_hand, capacity, limit_s=limit_s
            )
        )
        return started[-1]

    yield start
    for dispatcher in started:
        ray.get(dispatcher.stop.remote())
        ray.kill(dispatcher)


def test_warm_isolated_and_plain_evaluations_are_equal_to_the_last_bit(shared, dispatch):
    models, logs = shared
    changed = TEMPLATE.change("training", dense_rate=0.004)
    one = task(models[0], changed, technique="rate", trial=0)
    warm = dispatch(ClusterPlan(pool=1, runs=0))
    isolated = dispatch(ClusterPlan(pool=0, runs=1))
    by_warm = ray.get(warm.evaluate.remote(one.to_dict()))
    by_run = ray.get(isolated.evaluate.remote(one.to_dict()))
    reference = logs[one.log][0]
    base = evaluate(task(models[0]), reference, None, LOCAL)
    plain = evaluate(one, reference, ray.put(base["losses"]), LOCAL)["evaluation"].to_dict()
    assert by_warm["failure"] is None
    assert by_warm["delta"] != 0
    assert numbers(by_warm) == numbers(by_run) == numbers(plain)


def test_two_workers_train_one_network_in_a_run_of_its_own(shared, dispatch):
    models, logs = shared
    template = TEMPLATE.change("training", workers=2)
    dispatcher = dispatch(ClusterPlan(pool=0, runs=1))
    done = ray.get(dispatcher.baseline.remote(task(models[0], template).to_dict()))
    alone = evaluate(task(models[0]), logs[log_name(models[0].log)][0], None, LOCAL)["evaluation"]
    assert done["failure"] is None
    assert done["ne"] == pytest.approx(alone.ne, rel=2e-2)


def test_a_baseline_is_trained_once_however_often_it_is_asked_for(shared, dispatch):
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=2, runs=0))
    asked = [dispatcher.baseline.remote(task(models[1]).to_dict()) for _ in range(4)]
    found = ray.get(asked)
    assert all(each == found[0] for each in found)
    assert ray.get(dispatcher.progress.remote()).fresh == 1


def trial_tasks(models, rates):
    return [
        task(
            model, TEMPLATE.change("training", dense_rate=rate), technique="rate", trial=0
        ).to_dict()
        for model, rate in zip(models, rates, strict=True)
    ]


def test_a_trial_ends_with_the_first_evaluations_that_settle_it(shared, dispatch):
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=2, runs=0))
    harmful, harmless = 3.0, 0.002
    tasks = trial_tasks(models, [harmless, harmful, harmless])
    found = ray.get(dispatcher.trial.remote(tasks, Goal.over(3, epsilon=0.0)))
    assert [each["model"] for each in found] == [model.name for model in models[:2]]
    assert found[0]["delta"] == 0.0
    assert found[1]["delta"] is None or found[1]["delta"] < -0.05
    whole = ray.get(dispatcher.trial.remote(tasks, Goal.over(3, epsilon=0.4)))
    assert [numbers(each) for each in whole[:2]] == [numbers(each) for each in found]
    assert len(whole) == len(ray.get(dispatcher.trial.remote(tasks, None))) == 3


def test_a_cancelled_evaluation_stops_training_and_its_worker_goes_on(shared, dispatch):
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=1, runs=0))
    ray.get([dispatcher.baseline.remote(task(model).to_dict()) for model in models])
    # The second would train for hours.
    endless = TEMPLATE.change("training", passes=100_000)
    failing = task(models[0], None, failure="no", technique="rate", trial=0).to_dict()
    long = task(models[1], endless, technique="rate", trial=0).to_dict()
    found = ray.get(dispatcher.trial.remote([failing, long], Goal.over(2, epsilon=0.0)))
    assert [each["failure"] for each in found] == ["no"]
    after = task(models[2], TEMPLATE, technique="rate", trial=1).to_dict()
    assert ray.get(dispatcher.evaluate.remote(after), timeout=120)["delta"] == 0.0


def test_a_log_in_the_object_store_is_mapped_not_copied(cluster):
    connect()
    table = pa.table({"x": pa.array(range(200_000), pa.int64())})
    reference = ray.put(table)
    first, second = ray.get(reference), ray.get(reference)
    addresses = {each["x"].chunk(0).buffers()[1].address for each in (first, second)}
    assert len(addresses) == 1
    assert addresses != {table["x"].chunk(0).buffers()[1].address}


def test_a_network_that_memory_cannot_hold_is_a_failure_that_says_so_and_the_worker_goes_on(
    shared, dispatch
):
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=1, runs=0))
    huge = TEMPLATE.change("architecture", embedding_dim=2**45)
    asked = [
        task(models[1], huge, technique="big", trial=0),
        task(models[1], technique="same", trial=0),
    ]
    done, same = ray.get([dispatcher.evaluate.remote(each.to_dict()) for each in asked])
    assert done["failure"].startswith("out of memory: ")
    assert done["delta"] is None
    assert same["delta"] == 0.0


class Deadly:
    """Kills the process that reads it, as the system kills one that takes too much memory."""

    def __reduce__(self):
        return eval, ("__import__('os').kill(__import__('os').getpid(), 9)",)


def test_a_worker_that_dies_each_time_is_a_failure_with_a_reason_and_one_starts_in_its_place(
    shared, dispatch
):
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=1, runs=0), more={"deadly": [ray.put(Deadly())]})
    deadly = models[0].model_copy(update={"log": "deadly"})
    done = ray.get(dispatcher.baseline.remote(task(deadly).to_dict()))
    assert done["failure"] == (
        "its worker died 3 times, as workers do that run out of memory (ActorUnavailableError)"
    )
    after = task(models[1], None, failure="no")
    assert ray.get(dispatcher.baseline.remote(after.to_dict()))["failure"] == "no"


def test_an_evaluation_that_hangs_is_ended_tried_once_more_and_a_failure_with_a_reason(
    shared, dispatch
):
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=1, runs=0), limit_s=3.0)
    endless = task(models[1], TEMPLATE.change("training", passes=100_000))
    after = task(models[1], None, failure="no")
    found = ray.get([dispatcher.baseline.remote(each.to_dict()) for each in (endless, after)])
    assert [each["failure"] for each in found] == ["it took longer than 3 s, 2 times", "no"]


def test_a_trial_asked_for_again_goes_on_and_evaluates_nothing_twice(shared, dispatch):
    """As Tune asks, where the process of a trial died."""
    models, _ = shared
    dispatcher = dispatch(ClusterPlan(pool=2, runs=0))
    tasks = trial_tasks(models, [0.002, 0.003, 0.002])
    first, again = ray.get([dispatcher.trial.remote(tasks, None) for _ in range(2)])
    assert first == again
    baselines_and_trial = 3 + 3
    assert ray.get(dispatcher.progress.remote()).fresh == baselines_and_trial
