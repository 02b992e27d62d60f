"""Several workers judge every row once, before any of them has learned from it."""

import pickle

import numpy as np
import pytest
from spread import joined, start_workers

from smt.data import open_log
from smt.errors import InputError
from smt.template import load_version
from smt.training.network_training import train_network
from smt.training.workers import LOCAL

# A minute on two cores, which other tests need more.
pytestmark = pytest.mark.slow

PLANS = {
    "data_parallel": {},
    "fsdp": {"distribution": {"dense": "fsdp"}, "ema_decay": 0.9},
    "in bytes": {"distribution": {"tables": "table_wise"}, "ema_decay": 0.9},
    "in bytes, copied": {"distribution": {"tables": "data_parallel"}},
}
COLUMNS = {"distribution": {"tables": "column_wise"}, "table_optimizer": "adagrad"}


def judged(plan, template, model, log, workers):
    precision = "int8" if plan.startswith("in bytes") else "fp32"
    template = template.change("training", **PLANS[plan])
    template = template.change("serving", table_precision=precision)
    return train_network(template, model, log, workers=workers).judged()


def work(rank, count, out, template, model, path):
    with joined("gloo", rank, count, out, template, model, path) as case:
        predictions = {plan: judged(plan, *case) for plan in PLANS}
        (out / f"{rank}.pickle").write_bytes(pickle.dumps(predictions))
        template, *others = case
        split = template.change("training", **COLUMNS).change("serving", table_precision="int8")
        with pytest.raises(InputError, match="int8 keeps a scale a row"):
            train_network(split, *others[:2], workers=others[2])


def test_workers_together_predict_what_one_predicts(lean_model, small_log_path, tmp_path):
    template = load_version("sparsenn_small", 1)
    template = template.change("training", judge="progressive", batch_size=250)
    start_workers(work, 2, tmp_path, template, lean_model, small_log_path)
    ranks = [pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(2)]
    for plan in PLANS:
        alone = judged(plan, template, lean_model, open_log(small_log_path), LOCAL)
        assert len(alone.logits) == 2_000
        for predictions in ranks:
            assert np.array_equal(predictions[plan].labels, alone.labels)
            np.testing.assert_allclose(predictions[plan].logits, alone.logits, atol=1e-3)
