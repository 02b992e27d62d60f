import pytest
import ray
from dispatching_tasks import TEMPLATE, dispatcher, numbers, task
from ray.exceptions import RayTaskError

from smt.errors import InputError
from smt.execution.cluster import ClusterPlan
from smt.search.goal import Goal


@pytest.fixture(scope="module")
def pair(shared, tmp_path_factory):
    """A dispatcher with two warm workers."""
    folder, capacity = tmp_path_factory.mktemp("pair"), ClusterPlan(pool=2, runs=0)
    with dispatcher(folder, shared[1], capacity) as started:
        yield started


def test_a_baseline_is_trained_once_however_often_it_is_asked_for(shared, pair):
    models, _ = shared
    before = ray.get(pair.progress.remote()).fresh
    asked = [pair.baseline.remote(task(models[1]).to_dict()) for _ in range(4)]
    found = ray.get(asked)
    assert all(each == found[0] for each in found)
    assert ray.get(pair.progress.remote()).fresh == before + 1


def trial_tasks(models, number, rates):
    return [
        task(
            model, TEMPLATE.change("training", dense_rate=rate), technique="rate", trial=number
        ).to_dict()
        for model, rate in zip(models, rates, strict=True)
    ]


def test_a_trial_ends_with_the_first_evaluations_that_settle_it(shared, pair):
    models, _ = shared
    harmful, harmless = 3.0, 0.002
    tasks = trial_tasks(models, 0, [harmless, harmful, harmless])
    found = ray.get(pair.trial.remote(tasks, Goal.over(3, epsilon=0.0)))
    assert [each["model"] for each in found] == [model.name for model in models[:2]]
    assert found[0]["delta"] == 0.0
    assert found[1]["delta"] is None or found[1]["delta"] < -0.05
    whole = ray.get(pair.trial.remote(tasks, Goal.over(3, epsilon=0.4)))
    assert [numbers(each) for each in whole[:2]] == [numbers(each) for each in found]
    assert len(whole) == len(ray.get(pair.trial.remote(tasks, None))) == 3


def test_a_trial_asked_for_again_goes_on_and_evaluates_nothing_twice(shared, pair):
    """As Tune asks, where the process of a trial died."""
    models, _ = shared
    ray.get([pair.baseline.remote(task(model).to_dict()) for model in models])
    before = ray.get(pair.progress.remote()).fresh
    tasks = trial_tasks(models, 1, [0.002, 0.003, 0.002])
    first, again = ray.get([pair.trial.remote(tasks, None) for _ in range(2)])
    assert first == again
    assert ray.get(pair.progress.remote()).fresh == before + 3


def test_a_trial_of_a_model_without_a_baseline_is_refused(shared, pair):
    models, _ = shared
    unknown = models[0].model_copy(update={"events": ("viewed",)})
    asked = pair.trial.remote(trial_tasks([models[1], unknown], 2, [0.002, 0.002]), None)
    with pytest.raises(RayTaskError, match=f"the baseline of model '{unknown.name}': ") as refused:
        ray.get(asked)
    assert isinstance(refused.value.cause, InputError)
