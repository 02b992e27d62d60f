"""A Ray Train run of its own, which takes every CPU of the cluster."""

import pytest
import ray
from dispatching_tasks import TEMPLATE, dispatcher, task

from smt.execution.cluster import ClusterPlan
from smt.execution.train_run import evaluate
from smt.fleet import log_name
from smt.training import LOCAL


def test_two_workers_train_one_network_in_a_run_of_its_own(shared, tmp_path):
    models, logs = shared
    template = TEMPLATE.change("training", workers=2)
    with dispatcher(tmp_path, logs, ClusterPlan(pool=0, runs=1)) as wide:
        done = ray.get(wide.baseline.remote(task(models[0], template).to_dict()))
    alone = evaluate(task(models[0]), logs[log_name(models[0].log)][0], None, LOCAL)["evaluation"]
    assert done["failure"] is None
    assert done["ne"] == pytest.approx(alone.ne, rel=2e-2)
