from made_exposures import PARENT, SPACE, THETA, advice, rated, technique
from made_models import made_model

from smt.techniques import catalogue
from smt.template import Choice, Float
from smt.template.architecture import PLE, MMoE, SharedBottom
from smt.template_iteration.exposure import expose
from smt.template_iteration.left_exposure import find_own_exposures, find_switches


def left(change, theta, *, space=SPACE, parent=PARENT, **domains):
    """What becomes of the hyperparameters of one technique that did not generalize."""
    return find_own_exposures([(technique(change, space), theta)], parent, advice(domains))


def slower(template, *, rate):
    return template.change("training", dense_rate=rate)


RATE = {"rate": Float(1e-4, 1, log=True)}


def test_a_technique_that_is_not_applied_exposes_the_templates_own_value():
    parent = PARENT.change("training", dense_rate=0.002)
    (exposure,) = left(slower, {"rate": 0.3}, space=RATE, parent=parent, rate=Float(0.01, 0.1))
    assert (exposure.place, exposure.obstacle) == ("training.dense_rate", None)
    assert exposure.domain == Float(0.002, 0.1)
    exposed = expose(parent, [exposure])
    assert exposed.training == parent.training
    assert exposed.exposed == {"training.dense_rate": Float(0.002, 0.1)}


def test_a_technique_that_is_not_applied_exposes_nothing_where_it_changes_more():
    (exposure,) = left(rated, THETA, rate=Float(0.01, 0.1))
    assert exposure.place is None
    assert exposure.obstacle.startswith("it sets no single place of the template, but training.b")


def test_a_technique_that_is_not_applied_exposes_nothing_that_the_template_does_not_have():
    def clipped(template, *, norm):
        return template.change("training", clip_norm=norm)

    (exposure,) = left(clipped, {"norm": 1.0}, space={"norm": Float(0.1, 9)}, norm=Float(1, 2))
    assert exposure.obstacle == "the template has no training.clip_norm"


def test_what_is_exposed_already_is_not_exposed_again():
    (first,) = left(slower, {"rate": 0.3}, space=RATE, rate=Float(0.01, 0.1))
    parent = expose(PARENT, [first])
    (exposure,) = left(slower, {"rate": 0.3}, space=RATE, parent=parent, rate=Float(0.01, 0.1))
    assert exposure.obstacle.startswith("training.dense_rate is exposed already")


def test_a_technique_without_hyperparameters_becomes_each_models_own_choice():
    space = catalogue["entire_space"]
    (exposure,) = find_switches([space, catalogue["bf16"]], PARENT, {"entire_space": 0.07})
    assert (exposure.place, exposure.domain) == ("architecture.entire_space", Choice([False, True]))
    assert str(exposure) == (
        "use of entire_space is exposed as architecture.entire_space, one of [False, True]"
    )
    exposed = expose(PARENT, [exposure])
    own = made_model("a", hyperparameters={"architecture.entire_space": True})
    assert exposed.for_model(own).architecture.entire_space
    assert not exposed.for_model(made_model("b")).architecture.entire_space


def test_how_events_share_becomes_each_models_own_choice_of_a_kind():
    gains = {"mmoe": 0.06, "ple": 0.07}
    exposures = find_switches([catalogue["ple"], catalogue["mmoe"]], PARENT, gains)
    assert [exposure.place for exposure in exposures] == ["architecture.tasks.kind"] * 2
    assert exposures[0].domain == Choice(["shared_bottom", "ple"])
    exposed = expose(PARENT, exposures)
    for kind, tasks in {"ple": PLE(), "mmoe": MMoE(), "shared_bottom": SharedBottom()}.items():
        own = made_model("a", hyperparameters={"architecture.tasks.kind": kind})
        assert exposed.for_model(own).architecture.tasks == tasks
    assert exposed.for_model(made_model("b")) == exposed


def test_a_kind_of_other_sizes_than_its_own_is_no_switch():
    wide = technique(lambda template: template.change("architecture", tasks=PLE(shared=3)), {})
    (exposure,) = find_switches([wide], PARENT, {wide.name: 0.07})
    assert exposure.place is None
    assert "architecture.tasks is no switch" in exposure.obstacle


def test_what_is_no_switch_cannot_be_turned_on_by_a_model():
    (exposure,) = find_switches([catalogue["bf16"]], PARENT, {"bf16": 0.07})
    assert exposure.obstacle == "training.precision is no switch: 'fp32' or 'bf16'"
