import pytest
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet, TemplateName, TemplateRule, template_names

BIG = made_model("big", weight=50, limits={"flops": 2_000})
SMALL = made_model("small", limits={"flops": 1_000})
FREE = made_model("free")
EARLY = made_model("early", stage="retrieval", limits={"flops": 10})


def names(*rules, models=(BIG, SMALL, FREE, EARLY)):
    found = template_names(Fleet(name="shop", templates=rules, models=models))
    return {model: name.name for model, name in found.items()}


def rule(template, **conditions):
    return TemplateRule(template=template, **conditions)


def test_a_fleet_without_rules_names_no_templates():
    assert names() == {}


def test_the_first_rule_that_fits_a_model_names_its_template():
    found = names(
        rule("two_towers", stages=["retrieval", "pre_ranking"]),
        rule("busy", least_weight=50),
        rule("one_tower", stages=["ranking"]),
    )
    assert found == {
        "big": "busy",
        "small": "one_tower",
        "free": "one_tower",
        "early": "two_towers",
    }


def test_a_budget_is_the_models_limit_and_one_without_a_limit_fits_any():
    found = names(rule("large", least_flops=2_000), rule("rest"))
    assert found == {"big": "large", "small": "rest", "free": "large", "early": "rest"}


def test_a_rule_may_ask_for_models_of_several_events():
    both = made_model("both", events=("click", "like"))
    rules = rule("one", stages=["retrieval"]), rule("several", least_events=2), rule("rest")
    assert names(*rules, models=(EARLY, both, FREE)) == {
        "early": "one",
        "both": "several",
        "free": "rest",
    }


def test_a_rule_for_more_events_than_any_model_has_is_refused():
    with pytest.raises(InputError, match=r"rule 1 .*none is as it says"):
        names(rule("several", least_events=2), rule("rest"))


def test_rules_that_say_nothing_of_events_keep_the_digests_of_their_fleets():
    assert "least_events" not in rule("any").to_dict()
    assert rule("any", least_events=2).to_dict()["least_events"] == 2


def test_a_models_own_template_goes_before_all_rules():
    own = made_model("own", template="mine@3")
    found = template_names(Fleet(name="shop", templates=[rule("any")], models=[own, FREE]))
    assert found == {
        "own": TemplateName("mine@3", by_rule=False),
        "free": TemplateName("any", by_rule=True),
    }


def test_in_a_fleet_without_rules_a_model_may_have_a_template_of_its_own():
    assert names(models=[made_model("own", template="mine"), FREE]) == {"own": "mine"}


def test_a_model_that_fits_no_rule_is_named_with_what_rules_look_at():
    with pytest.raises(InputError) as refused:
        names(rule("one", stages=["pre_ranking"]), rule("two", least_weight=50))
    first = "fits 3 of the 4 models, 'small' (ranking, at most 1,000 FLOPs, weight 1, 1 event)"
    assert first in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([rule("a"), rule("b", stages=["ranking"])], r"rule 2 of 'templates' \(b\).*before it"),
        ([rule("b", stages=["pre_ranking"]), rule("a")], r"rule 1 .*none is as it says"),
        ([rule("a"), rule("a")], r"rule 2 "),
    ],
)
def test_a_rule_that_names_no_models_template_is_refused(rules, why):
    with pytest.raises(InputError, match=why):
        names(*rules)
