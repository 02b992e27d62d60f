import subprocess
import sys

import numpy as np
import pytest

from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.execution.ledger import Ledger, claim_run
from smt.storage import Folder
from smt.training import EventMetrics

RUN = {"fleet": "abc", "settings": {"trials": 3, "seed": 0}, "techniques": ["a", "b"]}


def evaluation(name="dcn/0001-k", **found):
    values = {"key": name[-1], "technique": "dcn", "trial": 1, "theta": {"x": 0.1, "b": True}}
    return Evaluation(name=name, **values, model="click/feed", seed=0, **found)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(Folder(tmp_path / "run"), Folder(tmp_path / "baselines"))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "run")


def test_evaluations_read_back_as_they_were_recorded_in_the_order_of_their_names(ledger):
    metrics = {
        "click": EventMetrics(ne=0.9, log_loss=0.1, auc=0.7, calibration=1.1, base_rate=0.03)
    }
    recorded = [
        evaluation("dcn/0001-b", delta=0.1 + 0.2, sem=1e-9, ne=0.9, metrics=metrics, flops=10),
        evaluation("dcn/0000-a", failure="DivergedError: a loss"),
        evaluation("ab/0010-c", delta=-1.0, seconds=2.5, train_rows=3, judged_rows=4),
    ]
    for each in recorded:
        ledger.record(each)
    assert ledger.evaluations() == [recorded[2], recorded[1], recorded[0]]


def test_another_process_reads_what_this_one_recorded(ledger, tmp_path):
    ledger.record(evaluation())
    again = Ledger(Folder(tmp_path / "run"), Folder(tmp_path / "baselines"))
    assert again.evaluations() == [evaluation()]


def test_recording_twice_keeps_one(ledger):
    ledger.record(evaluation(delta=1.0))
    ledger.record(evaluation(delta=1.0))
    assert len(ledger.evaluations()) == 1


def test_a_baseline_reads_back_with_its_losses_to_the_last_bit(ledger):
    base = evaluation("baseline/k", ne=0.9)
    losses = np.random.default_rng(0).gamma(1.0, size=1000).astype(np.float32)
    assert ledger.baseline("k") is None
    ledger.record_baseline(base, losses)
    found, again = ledger.baseline("k")
    assert found == base
    assert again.dtype == np.float32
    assert np.array_equal(again, losses)
    assert ledger.evaluations() == []


def test_a_baseline_without_its_evaluation_does_not_count(ledger, tmp_path):
    ledger.record_baseline(evaluation("baseline/k"), np.ones(3, np.float32))
    (tmp_path / "baselines" / "k.json").unlink()
    assert ledger.baseline("k") is None


@pytest.mark.parametrize("kept", [0, 7, 0.5])
@pytest.mark.parametrize("file", ["k.parquet", "k.json"])
def test_a_truncated_baseline_counts_as_none_and_is_recorded_again(ledger, tmp_path, file, kept):
    base, losses = evaluation("baseline/k"), np.ones(1000, np.float32)
    ledger.record_baseline(base, losses)
    truncate(tmp_path / "baselines" / file, kept)
    assert ledger.baseline("k") is None
    ledger.record_baseline(base, losses)
    assert ledger.baseline("k")[0] == base


@pytest.mark.parametrize("kept", [0, 7, 0.5])
def test_truncated_evaluations_and_proposals_count_as_none_and_the_others_are_kept(
    ledger, tmp_path, kept
):
    for name in ("dcn/0000-a", "dcn/0001-b"):
        ledger.record(evaluation(name))
    for trial in (0, 1):
        ledger.record_proposal("dcn", trial, {"theta": {"x": trial}})
    truncate(tmp_path / "run" / "evaluations" / "dcn" / "0000-a.json", kept)
    truncate(tmp_path / "run" / "proposals" / "dcn" / "0000.json", kept)
    assert [each.name for each in ledger.evaluations()] == ["dcn/0001-b"]
    assert ledger.proposals("dcn") == {1: {"theta": {"x": 1}}}


def test_a_record_of_another_version_is_named_and_not_taken_for_a_damaged_one(ledger, tmp_path):
    ledger.record(evaluation())
    path = tmp_path / "run" / "evaluations" / "dcn" / "0001-k.json"
    path.write_text(path.read_text().replace('"seed"', '"seeed"'))
    with pytest.raises(InputError, match=r"dcn/0001-k.json: .*'seed'"):
        ledger.evaluations()


def test_a_damaged_run_file_is_named(folder, tmp_path):
    opened(folder, RUN, resume=False)
    truncate(tmp_path / "run" / "run.json", 0.5)
    with pytest.raises(InputError, match=r"run/run.json: is damaged, .* choose another --out"):
        opened(folder, RUN, resume=True)


def truncate(path, kept):
    """Keep so many bytes, or such a share of them."""
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])


def test_runs_that_share_a_folder_share_baselines(ledger, tmp_path):
    ledger.record_baseline(evaluation("baseline/k"), np.ones(3, np.float32))
    other = Ledger(Folder(tmp_path / "other"), Folder(tmp_path / "baselines"))
    assert other.baseline("k") is not None


def opened(folder, run, *, resume):
    with claim_run(folder, run, resume=resume):
        pass


def test_a_new_folder_is_claimed_and_the_same_run_may_resume(folder):
    opened(folder, RUN, resume=False)
    opened(folder, RUN, resume=True)
    assert folder.list() == ["run.json"]


def test_a_folder_of_other_files_is_refused(folder):
    folder.write("mine.txt", b"x")
    with pytest.raises(InputError, match=r"is not empty and holds no run; choose another --out"):
        opened(folder, RUN, resume=False)
    assert folder.list() == ["mine.txt"]


def test_a_folder_that_holds_a_run_is_refused_without_resume(folder):
    opened(folder, RUN, resume=False)
    with pytest.raises(InputError, match="holds a run already; continue it with --resume"):
        opened(folder, RUN, resume=False)


def test_there_must_be_a_run_to_resume(folder):
    with pytest.raises(InputError, match="holds no run to resume"):
        opened(folder, RUN, resume=True)
    assert folder.list() == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"settings": {"trials": 4, "seed": 0}}, "settings"),
        ({"fleet": "abd"}, "fleet"),
        ({"techniques": ["b", "a"]}, "techniques"),
        ({"template": "new"}, "template"),
    ],
)
def test_a_run_of_other_arguments_is_not_resumed_and_they_are_named(folder, change, name):
    opened(folder, RUN, resume=False)
    with pytest.raises(InputError, match=f"holds a run with another {name}"):
        opened(folder, {**RUN, **change}, resume=True)


def test_arguments_compare_as_they_are_stored(folder):
    run = {**RUN, "techniques": ("a", "b")}
    opened(folder, run, resume=False)
    stored = folder.read("run.json")
    opened(folder, run, resume=True)
    assert folder.read("run.json") == stored


HOLD = """
import sys, time
from smt.execution.ledger import claim_run
from smt.storage import Folder
with claim_run(Folder(sys.argv[1]), {"fleet": "abc"}, resume=False):
    print("open", flush=True)
    time.sleep(120)
"""


def test_a_run_is_open_in_one_process_at_a_time_and_free_once_that_is_killed(tmp_path):
    folder, run = Folder(tmp_path / "run"), {"fleet": "abc"}
    command = [sys.executable, "-c", HOLD, folder.location]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(InputError, match="another process is at work there; wait until it"):
            opened(folder, run, resume=True)
        holder.kill()
        holder.wait()
    opened(folder, run, resume=True)


def test_a_run_is_not_open_twice_in_one_process(folder):
    refused = pytest.raises(InputError, match="another process is at work there")
    with claim_run(folder, RUN, resume=False), refused:
        opened(folder, RUN, resume=True)
    opened(folder, RUN, resume=True)
