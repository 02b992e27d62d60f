import pytest
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet, TemplateRule
from smt.template import catalogue, history, load_version
from smt.template.fleet_templates import find_fleet_templates
from smt.template.versions import Version, write_version

RANKING = made_model("ranking")
EARLY = made_model("early", stage="retrieval")
BEFORE = made_model("before", stage="pre_ranking")
BY_STAGE = (
    TemplateRule(template="decoupled_sparsenn_small@1", stages=["retrieval", "pre_ranking"]),
    TemplateRule(template="sparsenn_medium", stages=["ranking"]),
)


def latest(name):
    return f"{name}@{history(name)[-1].number}"


def fleet(*models, rules=()):
    return Fleet(name="shop", templates=rules, models=models)


def test_every_model_has_the_template_that_its_rule_names():
    assigned = find_fleet_templates(fleet(EARLY, RANKING, BEFORE, rules=BY_STAGE))
    assert assigned.names == {
        "early": "decoupled_sparsenn_small@1",
        "ranking": latest("sparsenn_medium"),
        "before": "decoupled_sparsenn_small@1",
    }
    assert assigned.of(EARLY) == load_version("decoupled_sparsenn_small", 1)
    assert assigned.of(RANKING) == catalogue["sparsenn_medium"]
    assert [*assigned.templates] == ["decoupled_sparsenn_small@1", latest("sparsenn_medium")]
    assert assigned.remarks == ()


def test_a_template_that_is_asked_for_takes_the_place_of_all_that_a_fleet_names():
    own = made_model("own", template="sparsenn_large")
    assigned = find_fleet_templates(fleet(RANKING, own, rules=BY_STAGE[1:]), "sparsenn_small@1")
    assert {*assigned.names.values()} == {"sparsenn_small@1"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"training.table_rates": 0.1},
            "'m': .* 'training.table_rates' is not exposed by template",
        ),
        ({"training.table_rate": 12.0}, "'m': training.table_rate = 12.0 is outside its domain"),
    ],
)
def test_what_a_model_may_not_set_is_refused_before_anything_is_trained(value, message):
    model = made_model("m", hyperparameters=value)
    with pytest.raises(InputError, match=message):
        find_fleet_templates(fleet(RANKING, model))


def test_a_version_that_exposes_nothing_is_refused_for_models_that_set_something():
    model = made_model("m", hyperparameters={"training.table_rate": 0.1})
    assert find_fleet_templates(fleet(model)).of(model).for_model(model).training.table_rate == 0.1
    with pytest.raises(InputError, match="not exposed by template 'sparsenn_small'"):
        find_fleet_templates(fleet(model), "sparsenn_small@3")


def test_a_fleet_that_names_none_is_built_from_sparsenn_small():
    assigned = find_fleet_templates(fleet(RANKING))
    assert assigned.of(RANKING) == catalogue["sparsenn_small"]


def test_early_models_on_one_tower_are_told_of_where_they_are_asked_for():
    second = EARLY.model_copy(update={"name": "second"})
    assigned = find_fleet_templates(fleet(EARLY, second, BEFORE, RANKING), "sparsenn_small@1")
    assert assigned.remarks == (
        "retrieval models are built from 'sparsenn_small@1', which has one tower and is for "
        "ranking: 2 of the 4 models, 'early' the first",
        "pre-ranking models are built from 'sparsenn_small@1', which has one tower and is for "
        "ranking: 1 of the 4 models, 'before' the first",
    )


def test_a_model_that_names_a_template_for_another_stage_gets_it_with_a_remark():
    own = made_model("own", template="decoupled_sparsenn_small@1")
    assigned = find_fleet_templates(fleet(own))
    assert assigned.of(own).paradigm == "decoupled_sparsenn"
    (remark,) = assigned.remarks
    assert "two towers and is for retrieval and pre-ranking: 1 of the 1 models" in remark


def test_a_rule_that_puts_early_models_on_one_tower_is_refused():
    with pytest.raises(
        InputError, match=r"by a rule of 'templates' retrieval models .* \('early'\)"
    ):
        find_fleet_templates(fleet(EARLY, rules=[TemplateRule(template="sparsenn_small@1")]))


def test_names_without_a_number_are_the_latest_versions_of_the_folder_in_use(tmp_path):
    template = load_version("sparsenn_small", 1)
    for number, rate in ((1, 0.001), (2, 0.002)):
        changed = template.change("training", dense_rate=rate)
        version = Version(name=template.name, number=number, written="2026-01-01", template=changed)
        write_version(version, tmp_path)
    rules = [TemplateRule(template="sparsenn_small")]
    pinned = made_model("pinned", template="sparsenn_small@1")
    assigned = find_fleet_templates(fleet(RANKING, pinned, rules=rules), folder=tmp_path)
    assert assigned.of(RANKING).training.dense_rate == 0.002
    assert assigned.of(pinned).training.dense_rate == 0.001


def test_one_version_that_two_names_call_is_one_template():
    pinned = made_model("pinned", template=latest("sparsenn_small"))
    assigned = find_fleet_templates(fleet(RANKING, pinned))
    assert [*assigned.templates] == [latest("sparsenn_small")]


def test_an_unknown_template_is_refused():
    with pytest.raises(InputError, match="'shop': model 'own': unknown template 'sparsen_small'"):
        find_fleet_templates(fleet(made_model("own", template="sparsen_small")))
