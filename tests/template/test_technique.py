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
