"""Early rejection: one rule for the dispatcher and for a search in this process."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.errors import InputError
from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.optimize import optimize
from smt.search.trial import Proposal
from smt.space import Float

PLAIN = st.sampled_from([None, math.nan, -1.0, -0.05, 0.0, 1.0])


@given(st.lists(PLAIN, min_size=1, max_size=24), st.floats(0, 1))
def test_a_trial_is_settled_exactly_where_its_aggregate_needs_no_other_model(plain, epsilon):
    goal = Goal.over(len(plain), epsilon=epsilon)
    settled = goal.settles(map(Delta.of, plain))
    try:
        known = aggregate([*plain[:-1], None], epsilon=epsilon)
    except InputError:
        known = None
    assert goal.settles(map(Delta.of, [*plain[:-1], None])) == (known is not None)
    if settled:
        assert aggregate(plain, epsilon=epsilon).value == -math.inf


@pytest.mark.parametrize(
    ("finish", "early", "evaluations"),
    [(True, True, 4), (False, False, 4), (True, False, 4), (False, True, 1)],
)
def test_a_trial_worth_finishing_or_a_patient_search_is_never_rejected(
    finish, early, evaluations, monkeypatch
):
    proposal = Proposal({"x": 0.5}, (0, 1, 2, 3), finish=finish)
    monkeypatch.setattr("smt.search.optimize.propose", lambda state, method: proposal)
    found = optimize(
        {"x": Float(0, 1)},
        lambda theta, model: -1.0,
        models=range(4),
        trials=1,
        method="sobol",
        early_rejection=early,
    )
    assert found.evaluations == evaluations


def test_it_counts_failures_and_nothing_of_models_that_were_not_evaluated():
    goal = Goal.over(4, epsilon=0.25)
    failed, missing = Delta.failed("no memory"), Delta.not_evaluated()
    assert not goal.settles([failed, missing, missing, Delta.measured(-0.05)])
    assert goal.settles([failed, missing, Delta.measured(-0.06)])
