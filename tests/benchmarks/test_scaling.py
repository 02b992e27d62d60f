import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from scaling_figure import scaling_figure
from scaling_fleet import make_jobs, write_fleet
from scaling_launch import Scaling, common_window, slept_share
from scaling_sleep import Sealed, Slept

from smt.fleet import load_fleet, log_name

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def call(worker, begun, ended):
    return Slept(worker, begun, ended, b"")


def test_workers_that_always_sleep_are_wholly_efficient_once_all_have_started():
    """The second starts late; the first ends late."""
    calls = [call(1, t, t + 1) for t in range(10)] + [call(2, t + 4.5, t + 5.5) for t in range(4)]
    opened, closed = common_window(calls, 2)
    assert (opened, closed) == (4.5, 8.5)
    assert slept_share(calls, 2, opened, closed) == pytest.approx(1)


def test_time_between_calls_is_lost_on_the_worker_that_waits():
    calls = [call(1, t, t + 1) for t in range(8)] + [call(2, 2 * t, 2 * t + 1) for t in range(4)]
    opened, closed = common_window(calls, 2)
    assert (opened, closed) == (0, 7)
    assert slept_share(calls, 2, opened, closed) == pytest.approx((7 + 4) / 14)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([call(1, 0, 1)], "1 of 2 workers"),
        ([call(1, 0, 1), call(2, 2, 3)], "never at work all at once"),
    ],
)
def test_no_efficiency_is_claimed_of_workers_that_were_not_all_at_work(calls, said):
    with pytest.raises(RuntimeError, match=said):
        common_window(calls, 2)


def test_a_sealed_content_arrives_as_the_bytes_that_it_would_be_sent_as():
    content = {"a": [1, 2], "b": "c"}
    arrived = pickle.loads(pickle.dumps(Sealed(content)))
    assert isinstance(arrived, bytes)
    assert pickle.loads(arrived) == content


def test_workers_need_no_torch():
    code = "import scaling_sleep, smt.execution.resident, sys; print('torch' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.strip() == "False"


def test_a_fleet_is_as_large_as_asked_and_each_model_has_a_job(tmp_path):
    write_fleet(tmp_path / "fleet.yaml", 300)
    fleet = load_fleet(tmp_path / "fleet.yaml")
    assert len(fleet.models) == 300

    class Known:
        digest = "0" * 16

    [name] = {log_name(model.log) for model in fleet.models}
    jobs = make_jobs(fleet, {name: Known()})
    assert len({job.key for job in jobs.values()}) == 300


def test_the_figure_compares_the_rate_with_that_of_nothing_but_sleep():
    size = Scaling(4, 100, 1.0, 0.8, 0.7, 1.6, 5.0, 3.0, 700.0)
    ideal, measured = scaling_figure([size]).data[1:]
    assert list(ideal.y) == pytest.approx([2.0])
    assert list(measured.y) == [1.6]
