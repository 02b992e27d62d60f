import pytest
from made_generalization import made_result
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet
from smt.mmo import Settings
from smt.template_iteration import choose_models
from smt.template_iteration.backtest_models import ENOUGH


def fleet(names, name="shop"):
    return Fleet(name=name, models=tuple(map(made_model, names)))


def run(others="cdef", **held):
    return made_result(settings=Settings(seed=3), others=others, **held)


def chosen(names, finished, holdout=None):
    models = choose_models(fleet(names), finished, "t", source="runs/x", holdout=holdout)
    return [model.name for model in models]


def test_holdout_models_are_drawn_from_the_rest_of_the_fleet():
    drawn = chosen("abcdef", run(), 2)
    assert drawn[:2] == ["a", "b"]
    assert len(set(drawn)) == 4
    assert drawn == chosen("abcdef", run(), 2)
    assert chosen("abcdef", run(), 0) == ["a", "b"]
    assert set(chosen("abcdef", run(), 4)) == set("abcdef")


def test_as_many_are_held_out_as_there_are_representatives():
    finished = made_result(
        settings=Settings(seed=3), representatives="abcdef", others="ghijklmnopqrst"
    )
    assert len(chosen("abcdefghijklmnopqrst", finished)) == 12


def test_a_sample_is_filled_until_it_tells_something():
    letters = "abcdefghijklmnopqrst"
    for held in ((), ("f", "c", "e")):
        drawn = chosen(letters, run(holdout_models=held, others=letters[2:]))
        assert len({*drawn}) == ENOUGH
        assert drawn[: 2 + len(held)] == ["a", "b", *held]
    assert set(chosen("abcdef", run())) == set("abcdef")


def test_models_that_the_run_held_out_are_held_out_again():
    finished = run(holdout_models=("f", "c", "e"))
    assert chosen("abcdef", finished, 3) == [*"abfce"]
    assert chosen("abcdef", finished, 4) == [*"abfced"]


def test_fewer_holdout_models_than_the_run_held_out_are_drawn_from_all():
    finished = run(holdout_models=("f", "c", "e"))
    for count in (0, 1, 2):
        assert chosen("abcdef", finished, count) == chosen("abcdef", run(), count)


@pytest.mark.parametrize(
    ("name", "names", "held", "holdout", "message"),
    [
        ("shop", "ac", (), None, "has no model 'b', a representative of runs/x"),
        ("shop", "abc", ("d",), None, "has no model 'd', a holdout model of runs/x"),
        ("shop", "abcd", (), 3, "3 holdout models asked for; of fleet 'shop' 2 models besides"),
        ("other", "abcd", (), None, "runs/x: is a run of fleet 'shop', not 'other'"),
    ],
)
def test_a_fleet_that_does_not_fit_the_run_is_refused(name, names, held, holdout, message):
    with pytest.raises(InputError, match=message):
        choose_models(
            fleet(names, name), run(holdout_models=held), "t", source="runs/x", holdout=holdout
        )


def test_only_models_that_are_built_from_the_template_try_its_version():
    built = {"a": "t", "b": "towers", "c": "t", "d": "towers", "e": "t", "f": "towers"}
    names = "abcdef"
    held = run(holdout_models=("f", "c"), model_templates=built)
    of_template = choose_models(fleet(names), held, "t", source="runs/x", holdout=1)
    assert [model.name for model in of_template] == ["a", "c"]
    others = choose_models(fleet(names), held, "towers", source="runs/x")
    assert [model.name for model in others] == ["b", "f", "d"]
    drawn = choose_models(fleet(names), held, "t", source="runs/x", holdout=2)
    assert {model.name for model in drawn} == {"a", "c", "e"}


def test_a_template_that_builds_none_of_the_runs_models_has_no_evidence():
    built = {**dict.fromkeys("abcde", "t"), "f": "towers"}
    with pytest.raises(InputError, match="no representative is built from 'towers'"):
        choose_models(fleet("abcdef"), run(model_templates=built), "towers", source="runs/x")
