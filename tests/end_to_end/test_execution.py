import pyarrow as pa
import pytest
import ray
from dispatching_tasks import TEMPLATE, dispatcher, numbers, task

from smt.execution.cluster import ClusterPlan, connect
from smt.execution.train_run import evaluate
from smt.search.goal import Goal
from smt.training import LOCAL


class Deadly:
    """Kills the process that reads it, as the system kills one that takes too much memory."""

    def __reduce__(self):
        return eval, ("__import__('os').kill(__import__('os').getpid(), 9)",)


@pytest.fixture(scope="module")
def one(shared, tmp_path_factory):
    """A dispatcher with one warm worker; one of its logs kills whoever reads it."""
    logs = {**shared[1], "deadly": [ray.put(Deadly())]}
    with dispatcher(tmp_path_factory.mktemp("one"), logs, ClusterPlan(pool=1, runs=0)) as started:
        yield started


def test_warm_isolated_and_plain_evaluations_are_equal_to_the_last_bit(shared, one, tmp_path):
    models, logs = shared
    changed = TEMPLATE.change("training", dense_rate=0.004)
    asked = task(models[0], changed, technique="rate", trial=0)
    by_warm = ray.get(one.evaluate.remote(asked.to_dict()))
    with dispatcher(tmp_path, logs, ClusterPlan(pool=0, runs=1)) as isolated:
        by_run = ray.get(isolated.evaluate.remote(asked.to_dict()))
    reference = logs[asked.log][0]
    base = evaluate(task(models[0]), reference, None, LOCAL)
    plain = evaluate(asked, reference, ray.put(base["losses"]), LOCAL)["evaluation"].to_dict()
    assert by_warm["failure"] is None
    assert by_warm["delta"] != 0
    assert numbers(by_warm) == numbers(by_run) == numbers(plain)


def test_a_cancelled_evaluation_stops_training_and_its_worker_goes_on(shared, one):
    models, _ = shared
    ray.get([one.baseline.remote(task(model).to_dict()) for model in models])
    # The second would train for hours.
    endless = TEMPLATE.change("training", passes=100_000, judge="frozen")
    failing = task(models[0], None, failure="no", technique="cancelled", trial=0).to_dict()
    long = task(models[1], endless, technique="cancelled", trial=0).to_dict()
    found = ray.get(one.trial.remote([failing, long], Goal.over(2, epsilon=0.0)))
    assert [each["failure"] for each in found] == ["no"]
    after = task(models[2], TEMPLATE, technique="cancelled", trial=1).to_dict()
    assert ray.get(one.evaluate.remote(after), timeout=120)["delta"] == 0.0


def test_a_log_in_the_object_store_is_mapped_not_copied(cluster):
    connect()
    table = pa.table({"x": pa.array(range(200_000), pa.int64())})
    reference = ray.put(table)
    first, second = ray.get(reference), ray.get(reference)
    addresses = {each["x"].chunk(0).buffers()[1].address for each in (first, second)}
    assert len(addresses) == 1
    assert addresses != {table["x"].chunk(0).buffers()[1].address}


def test_a_network_that_memory_cannot_hold_is_a_failure_that_says_so_and_the_worker_goes_on(
    shared, one
):
    models, _ = shared
    huge = TEMPLATE.change("architecture", embedding_dim=2**45)
    asked = [
        task(models[1], huge, technique="big", trial=0),
        task(models[1], technique="same", trial=0),
    ]
    done, same = ray.get([one.evaluate.remote(each.to_dict()) for each in asked])
    assert done["failure"].startswith("out of memory: ")
    assert done["delta"] is None
    assert same["delta"] == 0.0


def test_a_worker_that_dies_each_time_is_a_failure_with_a_reason_and_one_starts_in_its_place(
    shared, one
):
    models, _ = shared
    deadly = models[0].model_copy(update={"log": "deadly"})
    asked = task(deadly).model_copy(update={"log_digest": "deadly"})
    done = ray.get(one.baseline.remote(asked.to_dict()))
    assert done["failure"] == (
        "its worker died 3 times, as workers do that run out of memory (ActorUnavailableError)"
    )
    after = task(models[1], None, failure="no")
    assert ray.get(one.baseline.remote(after.to_dict()))["failure"] == "no"


def test_an_evaluation_that_hangs_is_ended_tried_once_more_and_a_failure_with_a_reason(
    shared, tmp_path
):
    models, logs = shared
    endless = task(models[1], TEMPLATE.change("training", passes=100_000, judge="frozen"))
    after = task(models[1], None, failure="no")
    with dispatcher(tmp_path, logs, ClusterPlan(pool=1, runs=0), limit_s=3.0) as impatient:
        found = ray.get([impatient.baseline.remote(each.to_dict()) for each in (endless, after)])
    assert [each["failure"] for each in found] == ["it took longer than 3 s, 2 times", "no"]
