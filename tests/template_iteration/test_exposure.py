import pytest
from made_exposures import PARENT, SPACE, THETA, advice, rated, technique
from made_generalization import made_sensitivity
from made_models import made_model

from smt.errors import InputError
from smt.techniques import catalogue
from smt.template import Choice, Float, Int
from smt.template_iteration.exposure import expose, find_exposures


def exposures(change, theta=THETA, *, space=SPACE, parent=PARENT, after=(), **domains):
    """What becomes of the hyperparameters of one technique that a run wants exposed."""
    chosen = [(technique(change, space), theta), *after]
    return find_exposures(chosen, parent, advice(domains))


def obstacle(*arguments, **named):
    (found,) = exposures(*arguments, **named)
    assert found.place is None
    return found.obstacle


def test_a_hyperparameter_that_is_a_value_of_the_template_has_a_place():
    found = exposures(rated, rate=Float(0.001, 0.1, log=True), batch=Int(32, 128))
    assert [(each.hyperparameter, each.place) for each in found] == [
        ("rate", "training.dense_rate"),
        ("batch", "training.batch_size"),
    ]
    template = rated(PARENT, **THETA)
    exposed = expose(template, found)
    assert exposed.exposed == {
        "training.dense_rate": Float(0.001, 0.1, log=True),
        "training.batch_size": Int(32, 128),
    }
    assert exposed.training == template.training


@pytest.mark.parametrize(
    ("proposed", "expected"),
    [
        (Float(0.02, 0.1), Float(0.01, 0.1)),
        (Float(0.001, 0.005, log=True), Float(0.001, 0.01, log=True)),
        (Choice([0.1, 0.2]), Choice([0.1, 0.2, 0.01])),
    ],
)
def test_the_domain_is_widened_to_the_value_of_the_template(proposed, expected):
    (found,) = exposures(rated, rate=proposed)
    assert found.domain == expected
    assert expose(rated(PARENT, **THETA), [found]).exposed == {"training.dense_rate": expected}


def test_a_model_gets_what_the_technique_would_have_made_with_its_value():
    """For every hyperparameter of the catalogue that has a place, over its whole domain."""
    places = set()
    for each in catalogue.values():
        if not each.applies_to(PARENT):
            continue
        theta = {
            name: domain.values[0] if isinstance(domain, Choice) else domain.low
            for name, domain in each.space.items()
        }
        advice = {
            name: made_sensitivity("expose", "", domain) for name, domain in each.space.items()
        }
        for found in find_exposures([(each, theta)], PARENT, {each.name: advice}):
            if found.place is None:
                continue
            places.add(found.place)
            template = each.apply(PARENT, theta)
            exposed = expose(template, [found])
            domain = found.domain
            ends = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
            for value in ends:
                expected = each.apply(PARENT, {**theta, found.hyperparameter: value})
                own = exposed.for_model(made_model("m", hyperparameters={found.place: value}))
                assert own.model_copy(update={"exposed": {}}) == expected
    assert len(places) > 10


def test_a_condition_of_the_search_is_none_of_the_models():
    space = {"kind": Choice(["a", "b"]), "rate": Float(1e-4, 1, when={"kind": "a"})}

    def change(template, *, kind, rate=0.5):
        return template.change("training", dense_rate=rate, passes=1 + (kind == "b"))

    (found,) = exposures(change, {"kind": "a", "rate": 0.1}, space=space, rate=space["rate"])
    assert (found.place, found.domain) == ("training.dense_rate", Float(1e-4, 1))
    assert obstacle(change, {"kind": "b"}, space=space, rate=space["rate"]) == "θ* does not have it"


def test_what_is_no_single_value_of_the_template_stays_fixed():
    def both(template, *, rate, batch):
        return template.change("training", dense_rate=rate, table_rate=rate)

    def scaled(template, *, rate, batch):
        return template.change("training", dense_rate=rate / 2)

    def stepped(template, *, rate, batch):
        return template.change("training", batch_size=64 if batch < 100 else 128)

    half = Float(0.001, 0.1)
    assert obstacle(both, rate=half) == (
        "it sets no single place of the template, but training.dense_rate, training.table_rate"
    )
    assert obstacle(scaled, rate=half) == (
        "training.dense_rate is not its value: 0.005 where it is 0.01"
    )
    assert obstacle(stepped, batch=Int(60, 70)) == (
        "it sets no single place of the template, but nothing"
    )
    assert obstacle(stepped, batch=Int(60, 120)).endswith("but nothing")
    assert obstacle(rated, rate=Choice([0.01])) == "0.01 is the only value to choose"


def test_what_a_later_technique_sets_again_stays_fixed():
    def again(template):
        return template.change("training", dense_rate=0.3)

    later = (technique(again, {}, "later"), {})
    assert obstacle(rated, after=[later], rate=Float(0.001, 0.1)).endswith("but nothing")
    assert exposures(rated, after=[later], batch=Int(1, 9))[0].place == "training.batch_size"


def test_a_value_with_which_a_technique_fails_stays_fixed():
    def picky(template, *, rate, batch):
        if rate > 0.05:
            raise InputError("rate is too high")
        return template.change("training", dense_rate=rate)

    found = obstacle(picky, rate=Float(0.001, 0.1))
    assert found == "technique 'own' cannot be integrated: rate is too high"
    assert exposures(picky, rate=Float(0.001, 0.05))[0].place == "training.dense_rate"


def test_what_the_parent_exposes_already_stays_as_it_is():
    exposed = {"training.dense_rate": Float(0.0001, 1)}
    parent = PARENT.model_copy(update={"exposed": exposed})
    found = exposures(rated, parent=parent, rate=Float(0.001, 0.1))
    assert found[0].obstacle == "training.dense_rate is exposed already, as a number in [0.0001, 1]"
    assert expose(rated(parent, **THETA), found).exposed == exposed


def test_only_what_the_run_wants_exposed_is():
    advice = {
        "own": {
            "rate": made_sensitivity("standardize", "all alike", None),
            "batch": made_sensitivity("undecided", "too few trials", None),
        },
        "other": {"rate": made_sensitivity("expose", "models differ", Float(0.001, 0.1))},
    }
    assert find_exposures([(technique(rated), THETA)], PARENT, advice) == ()
    assert expose(PARENT, ()) is PARENT
