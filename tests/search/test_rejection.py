"""Early rejection: one rule for the dispatcher and for a search in this process."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.errors import InputError
from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.rejection import Rejection, plan_rejection
from smt.search.trial import Proposal

PLAIN = st.sampled_from([None, math.nan, -1.0, -0.05, 0.0, 1.0])


@given(st.lists(PLAIN, min_size=1, max_size=24), st.floats(0, 1))
def test_a_trial_is_settled_exactly_where_its_aggregate_needs_no_other_model(plain, epsilon):
    rejection = plan_rejection(Proposal({}, ()), Goal.over(len(plain), epsilon=epsilon), early=True)
    settled = rejection.settles(map(Delta.of, plain))
    try:
        known = aggregate([*plain[:-1], None], epsilon=epsilon)
    except InputError:
        known = None
    assert rejection.settles(map(Delta.of, [*plain[:-1], None])) == (known is not None)
    if settled:
        assert aggregate(plain, epsilon=epsilon).value == -math.inf


@pytest.mark.parametrize(("finish", "early"), [(True, True), (False, False), (True, False)])
def test_a_trial_worth_finishing_or_a_patient_search_is_never_rejected(finish, early):
    proposal = Proposal({}, (0,), finish=finish)
    assert plan_rejection(proposal, Goal.over(3), early=early) is None


def test_it_counts_failures_and_nothing_of_models_that_were_not_evaluated():
    rejection = Rejection(alpha=0.05, allowed=1)
    failed, missing = Delta.failed("no memory"), Delta.not_evaluated()
    assert not rejection.settles([failed, missing, missing, Delta.measured(-0.05)])
    assert rejection.settles([failed, missing, Delta.measured(-0.06)])
