"""Tables and weighers of features with awkward names, spread over two workers."""

import pickle

import pytest
from awkward_names import AWKWARD
from renamed import rename_log, rename_model
from spread import joined, start_workers, train_by

from smt.data import write_log
from smt.training.state import saved_step

pytestmark = pytest.mark.slow

GATED = {"frequency_gate": 2.0, "position_weighting": {"max_positions": 6, "half_life": 1.0}}
STEPWISE = {"pooling": {"kind": "attention", "hidden": 8}}
ADAGRAD = {"table_optimizer": "adagrad"}
PLANS = {
    "copied": ({"tables": "data_parallel"}, {}, {}),
    "columns": ({"dense": "fsdp", "tables": "column_wise"}, ADAGRAD, {}),
    "weighed": ({"dense": "fsdp"}, {}, GATED),
    "stepwise": ({"tables": "table_wise"}, ADAGRAD, STEPWISE),
}


def work(rank, count, out, template, model, path):
    with joined("gloo", rank, count, out, template, model, path) as case:
        found = {}
        for plan, changes in PLANS.items():
            whole = train_by(changes, *case, save=(4, out / plan))["whole"]
            after = train_by(changes, *case, after=out / plan)["whole"]
            found[plan] = whole, after
        (out / f"{rank}.pickle").write_bytes(pickle.dumps(found))


def test_a_spread_network_of_awkward_names_trains_and_goes_on(
    small_log, lean_model, small_template, tmp_path
):
    columns = dict.fromkeys([*small_log.schema.stored, *small_log.schema.steps])
    names = dict(zip(columns, AWKWARD, strict=False))
    log, model = rename_log(small_log, names), rename_model(lean_model, names)
    write_log(tmp_path / "log", log.schema, log.train.slice(0, 640), log.test)
    template = small_template.change("training", batch_size=64)
    start_workers(work, 2, tmp_path, template, model, tmp_path / "log")
    found = pickle.loads((tmp_path / "0.pickle").read_bytes())
    for plan, (whole, after) in found.items():
        assert saved_step(tmp_path / plan) == 4
        assert [*whole] == [*after]
        for name, value in whole.items():
            assert value.allclose(after[name], rtol=1e-4, atol=1e-5), (plan, name)
