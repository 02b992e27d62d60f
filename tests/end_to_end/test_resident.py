"""Calls on resident workers of a real cluster, some of which do what calls should not."""

import os
import sys
import time
from itertools import islice, pairwise

import psutil
import pytest
import ray
from ray.cloudpickle import register_pickle_by_value, unregister_pickle_by_value

from smt.execution.attempts import Lost
from smt.execution.cluster import connect
from smt.execution.resident import run_on_residents


def square(number):
    return os.getpid(), number * number


def die_once(path):
    """Kill the own process the first time; the file tells."""
    if not os.path.exists(path):
        open(path, "w").close()
        os.kill(os.getpid(), 9)
    return "alive"


def die(_):
    os.kill(os.getpid(), 9)


def sleep(path, seconds):
    """Leave a line a call, then take time."""
    with open(path, "a") as stream:
        stream.write("called\n")
    time.sleep(seconds)
    return "slept"


def clock(seconds):
    """Take time, and tell the process and when it began."""
    begun = time.time()
    time.sleep(seconds)
    return os.getpid(), begun


def meet(folder, own, other):
    """Wait for the other; tell the process."""
    open(os.path.join(folder, own), "w").close()
    while not os.path.exists(os.path.join(folder, other)):
        time.sleep(0.01)
    return os.getpid()


def fail(number):
    raise ValueError(f"number {number} is wrong")


def where(seconds):
    """Take time, and tell the node."""
    time.sleep(seconds)
    return ray.get_runtime_context().get_node_id()


@pytest.fixture(autouse=True, scope="module")
def connected(cluster):
    """Workers cannot import a test's module."""
    connect()
    here = sys.modules[__name__]
    register_pickle_by_value(here)
    yield
    unregister_pickle_by_value(here)


def residents():
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("ray::_Resident" in part for part in process.info["cmdline"] or [])
    ]


def test_every_item_is_run_once_on_processes_that_stay_and_end_with_it():
    found = dict(run_on_residents(square, [(n,) for n in range(12)], workers=2))
    assert {number: value for number, (_, value) in found.items()} == {n: n * n for n in range(12)}
    assert 1 <= len({pid for pid, _ in found.values()}) <= 2
    deadline = time.monotonic() + 30
    while residents():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_items_begin_in_their_order():
    order = [number for number, _ in run_on_residents(square, [(n,) for n in range(8)], workers=1)]
    assert order == list(range(8))


def test_a_worker_goes_on_with_the_kinds_of_items_that_it_has_had(tmp_path):
    folder = str(tmp_path)
    # Neither of two ends before both have begun, so no worker gets ahead of the other.
    pairs = [
        ((folder, f"even {n}", f"odd {n}"), (folder, f"odd {n}", f"even {n}")) for n in range(9)
    ]
    items, kinds = [item for pair in pairs for item in pair], ["even", "odd"] * len(pairs)
    found = dict(run_on_residents(meet, items, workers=2, kinds=kinds))
    assert found[0] != found[1]
    for number in range(len(items)):
        assert found[number] == found[number % 2]


def test_items_of_one_kind_are_shared_by_all_workers():
    found = dict(run_on_residents(clock, [(0.2,)] * 20, workers=2, kinds=["same"] * 20))
    assert len({pid for pid, _ in found.values()}) == 2


def test_a_call_whose_worker_dies_is_run_again(tmp_path):
    items = [(str(tmp_path / "first"),), (str(tmp_path / "second"),)]
    assert dict(run_on_residents(die_once, items, workers=1)) == {0: "alive", 1: "alive"}


def test_a_call_that_always_kills_its_worker_is_lost_and_the_others_are_not(tmp_path):
    found = dict(run_on_residents(die, [(0,)], workers=1))
    assert found[0] == Lost(
        "its worker died 3 times, as workers do that run out of memory (ActorUnavailableError)"
    )


def test_a_call_that_hangs_is_ended_tried_once_more_and_lost(tmp_path):
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    items = [(str(slow), 600.0), (str(quick), 0.0)]
    found = dict(run_on_residents(sleep, items, workers=1, limit_s=3.0))
    assert found[0] == Lost("it took longer than 3 s, 2 times")
    assert found[1] == "slept"
    assert slow.read_text() == "called\n" * 2
    assert quick.read_text() == "called\n"


def test_an_exception_of_a_call_is_its_reason():
    found = dict(run_on_residents(fail, [(1,), (2,)], workers=1))
    assert found == {n: Lost(f"ValueError: number {n + 1} is wrong") for n in range(2)}


def test_both_free_workers_go_on_while_one_result_is_looked_at():
    running = run_on_residents(clock, [(0.1,)] * 300, workers=2)
    seen = set()
    while len(seen) < 2:
        seen.add(next(running)[1][0])
    begun = []
    for _, (_, at) in islice(running, 8):
        begun.append(at)
        time.sleep(0.6)
    running.close()
    # The first two may have begun before anyone took time to look.
    assert sum(later - at < 0.3 for at, later in pairwise(sorted(begun[2:]))) >= 2


def test_a_node_that_joins_is_used_and_one_that_is_lost_costs_no_item(nodes, add_node):
    """Three workers on two CPUs: the third waits for the node, which dies at its work."""
    running = run_on_residents(where, [(1.0,) for _ in range(24)], workers=3)
    found = dict([next(running)])
    node = add_node(1)
    for number, result in running:
        found[number] = result
        if result == node.node_id and node in nodes.list_all_nodes():
            nodes.remove_node(node)
    assert sorted(found) == list(range(24))
    assert node.node_id in found.values()
    assert not [result for result in found.values() if isinstance(result, Lost)]
