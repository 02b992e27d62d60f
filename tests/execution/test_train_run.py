import pytest

from smt.data import Log
from smt.data.columns import Id
from smt.data.schema import Schema
from smt.execution.evaluation import Task
from smt.execution.train_run import evaluate, fit
from smt.template.training import Capacity, Training
from smt.training import LOCAL, paired_delta, train


@pytest.fixture(autouse=True)
def references(monkeypatch):
    """Let objects stand for their references: there is no cluster."""
    monkeypatch.setattr("ray.get", lambda reference: reference)


@pytest.fixture(scope="module")
def templates(small_template):
    """A baseline, and one that learns faster."""
    lean = small_template.change("data", train_rows=512)
    return lean, lean.change("training", dense_rate=0.01)


@pytest.fixture(scope="module")
def userless(lean_model):
    """A model that may not read who the user is."""
    features = tuple(name for name in lean_model.features if name != "user")
    return lean_model.model_copy(update={"features": features})


def task(template, model):
    return Task(template=template, model=model, seed=0, log_digest="")


def compare(templates, model, log):
    base = evaluate(task(templates[0], model), log, None, LOCAL)
    return evaluate(task(templates[1], model), log, base["losses"], LOCAL)["evaluation"]


def test_the_error_is_clustered_by_user_though_the_model_reads_no_user(
    templates, userless, small_log
):
    found = compare(templates, userless, small_log)
    losses = [train(each, userless, small_log).losses for each in templates]
    users = small_log.test["user"].to_numpy()
    assert (found.delta, found.sem) == paired_delta(*losses, users)
    assert found.sem != pytest.approx(paired_delta(*losses)[1], rel=1e-3)


def test_the_error_is_of_independent_examples_where_the_schema_clusters_by_nothing(
    templates, userless, small_log
):
    schema = Schema(columns={**small_log.schema.columns, "user": Id(num_ids=300, side="user")})
    found = compare(templates, userless, Log(schema, small_log.train, small_log.test, ""))
    losses = [train(each, userless, small_log).losses for each in templates]
    assert (found.delta, found.sem) == paired_delta(*losses)


def test_a_baseline_whose_test_rows_are_all_of_one_user_fails_and_says_why(
    templates, userless, small_log
):
    user = small_log.test["user"][0].as_py()
    model = userless.model_copy(update={"filter": {"user": user}})
    found = evaluate(task(templates[0], model), small_log, None, LOCAL)
    assert "losses" not in found
    assert "judged rows have the same 'user', by which" in found["evaluation"].failure


@pytest.mark.parametrize(
    ("training", "gpu", "workers", "resources", "backend"),
    [
        (None, False, 0, {"CPU": 1.0}, "gloo"),
        (Training(), False, 1, {"CPU": 1.0}, "gloo"),
        (Training(), True, 1, {"CPU": 1.0, "GPU": 1.0}, "cpu:gloo,cuda:nccl"),
        (
            Training(capacity=Capacity(cpus=3, memory_gib=2.0)),
            False,
            1,
            {"CPU": 3.0, "memory": 2.0 * 2**30},
            "gloo",
        ),
        (
            Training(workers=2, capacity=Capacity(gpus=1)),
            False,
            2,
            {"CPU": 1.0, "GPU": 1.0},
            "cpu:gloo,cuda:nccl",
        ),
    ],
)
def test_a_run_of_its_own_asks_for_the_capacity_of_its_template(
    training, gpu, workers, resources, backend, monkeypatch
):
    asked = []

    class Trainer:
        return_value = "done"

        def __init__(self, _, *, scaling_config, torch_config, **__):
            asked.append((scaling_config, torch_config.backend))

        def fit(self):
            return self

    monkeypatch.setattr("smt.execution.train_run.TorchTrainer", Trainer)
    assert fit(print, {}, training, gpu=gpu) == "done"
    [(scaling, used)] = asked
    assert (scaling.num_workers, scaling.resources_per_worker) == (workers, resources)
    assert (scaling.use_gpu, used) == ("GPU" in resources, backend)
