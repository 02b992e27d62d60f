import json
import math

import pyarrow as pa
import pytest
from made_generalization import made_result
from made_models import made_model

from smt.errors import InputError
from smt.mmo.earlier import read_earlier
from smt.results.folder import write_result
from smt.search.settings import Settings
from smt.storage import Folder


def row(technique, trial, name, delta, *, seed=3, sem=0.1):
    theta = json.dumps({"x": float(trial or 0)})
    status = "measured"
    if delta is None:
        status = "not_evaluated" if technique is None else "failed"
    return {
        "technique": technique,
        "trial": trial,
        "model": name,
        "theta": theta,
        "seed": seed,
        "status": status,
        "delta": delta,
        "sem": None if delta is None else sem,
        "failure": "it broke" if status == "failed" else None,
        "ne": None,
    }


@pytest.fixture
def finished(tmp_path):
    rows = [
        row(None, None, "a", None),
        row("one", 1, "a", 0.5),
        row("one", 0, "b", -0.2),
        row("one", 0, "a", None),
        row("one", 0, "gone", 9.0),
        row("one", 0, "a", 7.0, seed=4),
        row("two", 0, "a", 0.1),
    ]
    folder = Folder(tmp_path)
    write_result(folder, made_result(settings=Settings(seed=3)))
    folder.write_table("evaluations.parquet", pa.Table.from_pylist(rows))
    return tmp_path


def test_earlier_trials_have_this_runs_models_in_this_runs_order(finished):
    found = read_earlier(
        finished, dict.fromkeys(("one", "three"), tuple(map(made_model, ("b", "new", "a"))))
    )
    assert list(found) == ["one"]
    first, second = found["one"]
    assert first.theta == {"x": 0.0}
    assert first.deltas[:2] == (-0.2, None)
    assert math.isnan(first.deltas[2])
    assert first.outcomes[2].reason == "it broke"
    assert first.sems == (0.1, None, None)
    assert second.theta == {"x": 1.0}
    assert second.deltas == (None, None, 0.5)
    assert not first.aggregate.feasible


@pytest.mark.parametrize(
    ("techniques", "names", "message"),
    [
        (["three"], ["a"], "tried none of three"),
        (["one"], ["x"], "none of its models is a representative of this run"),
    ],
)
def test_a_run_that_has_nothing_to_tell_is_refused(finished, techniques, names, message):
    with pytest.raises(InputError, match=message):
        read_earlier(finished, dict.fromkeys(techniques, tuple(map(made_model, names))))


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"holds no result\.json; the folder of a finished generalization"
    ):
        read_earlier(tmp_path, {"one": [made_model("a")]})
