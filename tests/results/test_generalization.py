"""A generalization's result comes back as it was; a file that does not fit is refused by key."""

import json
import operator
from functools import reduce

import pytest
from made_run import Plan, made_model, make_run

from smt.errors import InputError
from smt.fleet import Fleet
from smt.results.folder import RESULT, read_result, write_result
from smt.results.generalization import GeneralizationResult
from smt.results.run_reading import read_run
from smt.search.delta import Delta
from smt.search.settings import Settings
from smt.storage import Folder
from smt.template import history

TEMPLATE = f"sparsenn_small@{history('sparsenn_small')[-1].number}"
SETTINGS = Settings(trials=3, epsilon=0.5, seed=3, method="sobol")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two representatives of four models; one fails under trial 1 of the technique."""
    folder = Folder(tmp_path_factory.mktemp("run"))
    fleet = Fleet(name="shop", models=tuple(made_model(index) for index in range(4)))
    plans = {"helps": Plan(0.3, 0.05, broken=frozenset({(1, fleet.models[0].name)}))}
    make_run(folder, fleet, SETTINGS, plans, representatives=2, holdout=2)
    return folder


def edited(finished, tmp_path, keys, value):
    """A copy of the run's result with another value, `...` for none, at these keys."""
    content = json.loads(finished.read(RESULT))
    *path, last = keys
    parent = reduce(operator.getitem, path, content)
    if value is ...:
        del parent[last]
    else:
        parent[last] = value
    folder = Folder(tmp_path)
    folder.write(RESULT, json.dumps(content).encode())
    return folder


def test_a_result_comes_back_as_it_was(finished, tmp_path):
    result = read_result(finished, GeneralizationResult)
    assert result.settings == SETTINGS
    assert all(isinstance(k, int) for k in result.inertias)
    write_result(Folder(tmp_path), result)
    assert Folder(tmp_path).read(RESULT) == finished.read(RESULT)


@pytest.mark.parametrize(
    ("keys", "value", "complaint"),
    [
        (("format",), 5, "'format' is 5, and this version of the package reads 4; .* newer one"),
        (("kind",), "launch", "'kind' is 'launch'; that of a generalization is needed"),
        (("generalized",), ..., "'generalized': field required"),
        (("generalised",), {}, "unknown key 'generalised'; did you mean 'generalized'"),
        (("settings", "trails"), 3, r"unknown key 'settings\.trails'; did you mean 'trials'"),
        (("settings", "seed"), ..., r"'settings\.seed' is missing"),
        (
            ("templates", TEMPLATE, "training", "passes"),
            ...,
            rf"'templates\.{TEMPLATE}\.training\.passes' is missing",
        ),
        (("techniques", 0, "reason"), ..., r"'techniques\.0\.reason': field required"),
        (("techniques", 0, "trials", 2, "mean"), ..., r"'techniques\.0\.trials\.2\.mean': field"),
        (("techniques", 0, "trials", 2, "median"), 1, r"unknown key '.*\.trials\.2\.median'"),
        (("techniques", 0, "confirmation", 0, "lower"), "low", r"'.*\.0\.lower': input"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_key(
    finished, tmp_path, keys, value, complaint
):
    folder = edited(finished, tmp_path, keys, value)
    with pytest.raises(InputError, match=rf"{folder.path(RESULT)}: {complaint}"):
        read_result(folder, GeneralizationResult)


def test_the_tables_say_which_evaluation_failed_and_why(finished):
    run = read_run(finished)
    (failure,) = run.failures
    assert (failure.technique, failure.trial) == ("helps", 1)
    assert failure.delta == Delta.failed("ValueError: loss < 0 & <nan>")
    (technique,) = run.result.techniques
    assert technique.trials[1].deltas[failure.model] == failure.delta
    for trial, cells in zip(technique.trials, run.searched(technique), strict=True):
        assert {cell.model: cell.delta for cell in cells} == trial.deltas
    baselines = [row for row in run.evaluations if row.technique is None]
    assert {row.delta.status for row in baselines} == {"not_evaluated"}


def test_what_no_table_has_was_not_evaluated(finished):
    run = read_run(finished)
    (technique,) = run.result.techniques
    first, *others = (row for row in run.evaluations if row.technique and row.seed == 3)
    cells = run.model_copy(update={"evaluations": tuple(others)}).searched(technique)
    missing = next(cell for cell in cells[first.trial] if cell.model == first.model)
    assert (missing.delta, missing.ne) == (Delta.not_evaluated(), None)
    assert missing.theta == technique.trials[first.trial].theta
