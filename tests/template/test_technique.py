from dataclasses import replace

import pytest

from smt.errors import InputError
from smt.template import Choice, Float, Technique, Template

TECHNIQUE = Technique(
    name="faster",
    part="training",
    space={"rate": Float(0.001, 0.1, log=True), "big": Choice([True, False])},
    change=lambda template, rate, big: template.change(
        "training", dense_rate=rate, batch_size=1024 if big else 64
    ),
    source="made up",
)


def test_apply_makes_the_changed_template_and_keeps_the_original():
    before = Template(name="t")
    after = TECHNIQUE.apply(before, {"rate": 0.01, "big": True})
    assert (after.training.dense_rate, after.training.batch_size) == (0.01, 1024)
    assert before == Template(name="t")


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ({"rate": 1.0, "big": True}, r"rate = 1\.0 is outside its domain, a number in"),
        ({"rate": 0.01, "big": 1}, "big = 1 is outside its domain, one of"),
        ({"rate": 0.01}, "hyperparameter 'big' is missing"),
        ({"rate": 0.01, "big": True, "bgi": 1}, "unknown hyperparameter 'bgi'; did you mean 'big'"),
    ],
)
def test_a_point_outside_the_space_is_refused_in_the_techniques_name(theta, message):
    with pytest.raises(InputError, match=f"^technique 'faster': {message}"):
        TECHNIQUE.apply(Template(name="t"), theta)


def test_change_gets_what_is_active_alone():
    def change(template, *, big, rate=0.5):
        return template.change("training", dense_rate=rate)

    space = {"big": Choice([True, False]), "rate": Float(0.001, 0.1, when={"big": True})}
    technique = Technique("t", "training", space, change, "made up")
    template = Template(name="t")
    assert technique.apply(template, {"big": True, "rate": 0.01}).training.dense_rate == 0.01
    assert technique.apply(template, {"big": False}).training.dense_rate == 0.5
    with pytest.raises(InputError, match=r"'rate' is not active here.* where big is True$"):
        technique.apply(template, {"big": False, "rate": 0.01})


def test_a_technique_whose_condition_cannot_be_met_is_refused():
    space = {"rate": Float(0.001, 0.1, when={"big": True})}
    with pytest.raises(InputError, match=r"^technique 't': hyperparameter 'rate' depends on 'big'"):
        Technique("t", "training", space, lambda template: template, "made up")


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "/x", "..", ".x", "-x", "", "a\0", "a b", "x" * 101]
)
def test_a_name_that_no_folder_should_have_is_refused(name):
    with pytest.raises(InputError, match="a name is of letters, digits"):
        replace(TECHNIQUE, name=name)


@pytest.mark.parametrize("change", [{"judge": "frozen"}, {"judge_share": 0.2}])
def test_a_technique_that_changes_what_it_is_compared_by_is_refused(change):
    technique = Technique("t", "training", {}, lambda t: t.change("training", **change), "made up")
    with pytest.raises(InputError, match=r"'t' changes training\.judge"):
        technique.apply(Template(name="t"), {})
