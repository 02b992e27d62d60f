"""Adding a search method is a file and a line."""

import sys
from types import ModuleType
from typing import get_args

import pytest

from smt.errors import InputError
from smt.mmo import Settings, optimize
from smt.search.methods.catalogue import METHODS, Method, SearchMethod, check_method
from smt.search.trial import Proposal
from smt.space import Float

SPACE = {"x": Float(0.0, 1.0)}


def test_settings_know_the_methods_of_the_catalogue():
    assert get_args(Method) == tuple(METHODS) == ("composite", "ax", "sobol", "tpe")
    with pytest.raises(InputError, match=r"'method'.*'composite', 'ax', 'sobol' or 'tpe'"):
        Settings.parse({"method": "none"}, source="here")


def test_an_unknown_method_is_refused_with_those_that_are_known():
    with pytest.raises(InputError, match="unknown method 'no'; known: composite, ax, sobol, tpe"):
        check_method("no")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_proposes_and_those_with_a_surrogate_estimate(name):
    module = METHODS[name].load()
    assert callable(module.propose)
    assert hasattr(module, "estimate") == METHODS[name].surrogate


def test_a_method_of_a_module_and_a_line_searches_and_leaves_what_it_cannot_say_to_sobol(
    monkeypatch,
):
    seen = []

    def propose(state):
        seen.append((len(state.trials), state.seed))
        return None if len(state.trials) < 2 else Proposal({"x": 0.125 * len(state.trials)}, (0,))

    module = ModuleType("smt.search.methods.halving")
    module.propose = propose
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(METHODS, "halving", SearchMethod("halving"))
    options = {"models": ("a",), "trials": 4, "seed": 5}
    found = optimize(SPACE, lambda theta, model: theta["x"], method="halving", **options)
    sobol = optimize(SPACE, lambda theta, model: theta["x"], method="sobol", **options)
    assert seen == [(0, 5), (1, 5), (2, 5), (3, 5)]
    assert [trial.theta for trial in found.trials[:2]] == [t.theta for t in sobol.trials[:2]]
    assert [trial.theta["x"] for trial in found.trials[2:]] == [0.25, 0.375]
