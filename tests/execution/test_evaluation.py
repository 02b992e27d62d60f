import pytest

from smt.execution.evaluation import TRAINING_VERSION, Evaluation, Task
from smt.fleet import ModelSpec
from smt.search.delta import Delta
from smt.spec import digest
from smt.template import Template

MODEL = ModelSpec(
    name="click/feed",
    stage="ranking",
    events=("click",),
    surface="feed",
    data_constraint="full",
    log="data/shop",
    filter={"surface": 1},
    features=("user", "item"),
)
BASE = Template(name="small")
CHANGED = BASE.change("training", batch_size=64)


def task_of(**changes):
    values = {
        "technique": "faster",
        "trial": 3,
        "theta": {"batch": 64},
        "template": CHANGED,
        "model": MODEL,
        "seed": 0,
        "log_digest": "aaaa",
    }
    return Task(**{**values, **changes})


def with_model(**changes):
    return task_of(model=MODEL.model_copy(update=changes))


@pytest.mark.parametrize(
    "other",
    [
        with_model(weight=7.0),
        with_model(inference_flops=123),
        with_model(log="/elsewhere/the/same/log"),
        task_of(technique="another", trial=9, theta={"x": 1}),
    ],
)
def test_the_key_ignores_what_the_numbers_do_not_depend_on(other):
    assert other.key == task_of().key


@pytest.mark.parametrize(
    "other",
    [
        task_of(template=BASE),
        task_of(template=None),
        task_of(seed=1),
        task_of(log_digest="bbbb"),
        with_model(events=("like",)),
        with_model(features=("user",)),
        with_model(filter={"surface": 2}),
        with_model(name="other"),
    ],
)
def test_the_key_changes_with_template_model_seed_and_log(other):
    assert other.key != task_of().key


def test_a_template_that_names_no_file_has_the_key_that_it_had_before_files_counted():
    task = task_of(files={"elsewhere": "1"})
    model = task.model.to_dict()
    for label in ("weight", "inference_flops", "log"):
        del model[label]
    assert task.key == digest([CHANGED.to_dict(), model, 0, "aaaa", TRAINING_VERSION])


def test_the_key_changes_with_what_a_file_holds_that_the_template_names():
    named = CHANGED.change("features", selection={"importance": "i.parquet"})
    first, second = (task_of(template=named, files={"i.parquet": each}) for each in "12")
    assert first.key != second.key
    assert first.baseline(BASE).key == second.baseline(BASE).key == task_of().baseline(BASE).key
    assert first.baseline(named).key == first.key


def test_techniques_and_trials_share_one_baseline_of_a_model():
    tasks = [task_of(), task_of(technique="b", trial=0, theta={}, template=None, failure="no")]
    first, second = (task.baseline(BASE) for task in tasks)
    assert first == second
    assert first.key == second.key
    assert first.name == f"baseline/{first.key}"
    assert (first.technique, first.trial, first.template) == (None, None, BASE)


def test_the_baselines_key_is_not_a_trials_unless_the_template_is_the_same():
    assert task_of().baseline(BASE).key != task_of().key
    assert task_of(template=BASE).key == task_of().baseline(BASE).key


def test_names_are_unique_within_a_run_and_sort_by_technique_then_trial():
    tasks = [task_of(trial=trial, seed=seed) for trial in (2, 10) for seed in (0, 1)]
    names = [task.name for task in tasks]
    assert len(set(names)) == 4
    assert [name.split("-")[0] for name in sorted(names)] == ["faster/0002"] * 2 + [
        "faster/0010"
    ] * 2


def test_a_task_and_its_evaluation_round_trip_through_plain_data():
    task = task_of()
    again = Task.model_validate(task.to_dict())
    assert again == task
    assert (again.key, again.name, again.log) == (task.key, task.name, "data/shop")
    found = Evaluation.of(task, delta=0.5, sem=0.1, ne=0.9)
    assert Evaluation.model_validate(found.to_dict()) == found
    assert (found.name, found.key, found.model) == (task.name, task.key, "click/feed")
    assert found.failure is None


def test_an_evaluation_becomes_a_delta_that_keeps_why_it_failed():
    task = task_of()
    assert Evaluation.of(task, delta=0.5, sem=0.1).outcome == Delta.measured(0.5, 0.1)
    assert Evaluation.of(task, failure="no memory").outcome == Delta.failed("no memory")
    assert Evaluation.of(task.baseline(BASE), ne=0.9).outcome == Delta.not_evaluated()
