"""Which techniques are to blame; deltas of three models of equal weight, one seed."""

import math
from dataclasses import replace

import pytest
from made_models import made_model

from smt.execution.evaluation import Evaluation
from smt.mmo import Settings
from smt.results.integration import Misfit
from smt.template_iteration import Comparison, ModelComparison, VersionDecision
from smt.template_iteration.decision import LeftOut

SETTINGS = Settings(alpha=0.05, epsilon=0.34, tau=0.1)
GOOD = (0.3, 0.3, -0.2)
WEAK = (0.1, 0.1, 0.05)
WEAKER = (0.1, 0.0, 0.05)
ONE_MORE = (0.9, -0.1, -0.1)
ALL = (-0.1, -0.1, -0.1)
ALL_MORE = (-0.2, -0.1, -0.1)
FAILING = (0.9, 0.9, math.nan)


def compare(deltas):
    return Comparison(
        tuple(
            ModelComparison(
                made_model(str(number)),
                (),
                (
                    Evaluation(
                        name="",
                        key="",
                        technique="x",
                        trial=0,
                        theta={},
                        model=str(number),
                        seed=0,
                        **({"failure": "no"} if math.isnan(delta) else {"delta": delta}),
                    ),
                ),
            )
            for number, delta in enumerate(deltas)
        ),
        (0,),
        SETTINGS,
    )


def blame(joint, **without):
    left_out = tuple(LeftOut(name, compare(deltas)) for name, deltas in without.items())
    return VersionDecision((0,), SETTINGS, (), compare(joint), left_out).blame


def blame_counted(excesses, **without):
    def misfits(excesses):
        return tuple(
            Misfit(model=str(place), reason="", excess=each) for place, each in enumerate(excesses)
        )

    left_out = tuple(
        LeftOut(name, failure="no")
        if excesses is None
        else LeftOut(name, misfits=misfits(excesses))
        for name, excesses in without.items()
    )
    return VersionDecision((0,), SETTINGS, misfits(excesses), None, left_out).blame


def test_techniques_without_which_the_version_would_be_kept_are_to_blame():
    found = blame(ALL, a=WEAK, b=GOOD, c=GOOD, d=ONE_MORE)
    assert found.techniques == ("b", "c")
    assert found.reason == "without b or c the version would be kept"


@pytest.mark.parametrize(
    ("joint", "without", "change"),
    [
        (WEAKER, {"a": ALL, "b": WEAK}, "b A rises most, from +0.050% to +0.083%"),
        (ALL, {"a": WEAKER, "b": WEAK, "c": ONE_MORE}, "b A rises most, from -inf to +0.083%"),
        (ALL, {"a": ALL_MORE, "b": ONE_MORE}, "b R falls most, from 1.000 to 0.667"),
        (ALL_MORE, {"a": ALL, "b": ALL_MORE}, "a μ rises most, from -0.133% to -0.100%"),
        ((math.nan,) * 3, {"a": ALL, "b": FAILING}, "b R falls most, from 1.000 to 0.333"),
        ((math.nan, -1, -1), {"a": ALL}, "a no model fails, but too many regress"),
    ],
)
def test_where_none_alone_suffices_the_one_that_costs_most_is_named(joint, without, change):
    found = blame(joint, **without)
    assert found.techniques == (change[0],)
    assert found.reason == f"no technique alone is to blame; without {change}"


@pytest.mark.parametrize("without", [ALL, ALL_MORE])
def test_where_leaving_out_helps_nothing_none_is_named(without):
    found = blame(ALL, a=without, b=without)
    assert found.techniques == ()
    assert found.reason == "no technique alone is to blame: without any of them it is no better"


def test_a_technique_that_cannot_be_left_out_is_not_to_blame():
    misfit = Misfit(model="0", reason="", excess=1.0)
    left_out = (LeftOut("a", failure="no"), LeftOut("b", misfits=(misfit,)))
    found = VersionDecision((0,), SETTINGS, (), compare(ALL), left_out).blame
    assert found.techniques == ()


def test_nothing_is_to_blame_where_nothing_was_left_out():
    assert blame(GOOD) is None
    assert blame(ALL) is None


def test_limits_are_blamed_on_what_they_are_kept_without():
    found = blame_counted((5.0, 3.0), a=(), b=(9.0,), c=None)
    assert found.techniques == ("a",)
    assert found.reason == "without a every model could be served"


@pytest.mark.parametrize(
    ("without", "techniques", "reason"),
    [
        (
            {"a": (5.0,), "b": (9.0,), "c": (1.0, 1.0)},
            ("a",),
            "; without a the fewest limits are broken, 1 and not 2",
        ),
        (
            {"a": (5.0, 3.0), "b": (2.0, 4.0)},
            ("b",),
            "; without b limits are exceeded least, by 4.0% at most and not by 5.0%",
        ),
        ({"a": (5.0, 3.0), "b": (5.0, 5.0)}, (), ": leaving one out mends nothing"),
        ({"a": None, "b": None}, (), ": leaving one out mends nothing"),
    ],
)
def test_where_none_alone_keeps_the_limits_the_nearest_is_named(without, techniques, reason):
    found = blame_counted((5.0, 3.0), **without)
    assert found.techniques == techniques
    assert found.reason == f"no technique alone is to blame{reason}"


def test_a_back_test_weighs_models_as_its_run_did():
    compared = compare((0.3, 0.3, -0.3)).models
    heavy = tuple(
        replace(model, model=model.model.model_copy(update={"weight": weight}))
        for model, weight in zip(compared, (1.0, 1.0, 8.0), strict=True)
    )
    by_traffic = Comparison(heavy, (0,), SETTINGS)
    alike = Comparison(heavy, (0,), SETTINGS.model_copy(update={"weights": "equal"}))
    assert by_traffic.aggregate.mean == pytest.approx(-0.18)
    assert alike.aggregate.mean == pytest.approx(0.1)
