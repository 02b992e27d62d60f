import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.errors import InputError
from smt.techniques import catalogue, find_technique
from smt.techniques.__main__ import Config, main
from smt.template import Choice, Float, Technique, Template, build, load_version
from smt.template import catalogue as templates
from smt.template.features import FeatureType
from smt.template.inputs import feature_type
from smt.template.template import PARTS

EVERY = pytest.mark.parametrize("technique", catalogue.values(), ids=catalogue.keys())


def point_of(domain):
    if isinstance(domain, Choice):
        return st.sampled_from(domain.values)
    if isinstance(domain, Float):
        return st.floats(domain.low, domain.high)
    return st.integers(domain.low, domain.high)


@st.composite
def points(draw):
    """A technique, a template that it fits, a θ."""
    technique = draw(st.sampled_from([*catalogue.values()]))
    fit = [template for template in templates.values() if technique.applies_to(template)]
    theta = {name: draw(point_of(domain)) for name, domain in technique.space.items()}
    return technique, draw(st.sampled_from(fit)), theta


def changed_parts(before, after):
    return {part for part in PARTS if getattr(before, part) != getattr(after, part)}


def network_of(template, model, schema):
    """What a network is made of, without its values: parameters' and buffers' shapes."""
    network = build(template, model, schema, device=torch.device("meta"))
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def test_the_catalogue_covers_all_parts_paradigms_and_scales():
    assert len(catalogue) == 46
    assert all(technique.name == name for name, technique in catalogue.items())
    assert find_technique("hstu") is catalogue["hstu"]
    for part in PARTS:
        assert any(technique.part == part for technique in catalogue.values())
    for template in templates.values():
        assert sum(each.applies_to(template) for each in catalogue.values()) >= 40


@EVERY
def test_each_says_what_it_does_what_its_hyperparameters_mean_and_where_it_is_from(technique):
    assert list(technique.meanings) == list(technique.space)
    assert all(technique.meanings.values())
    assert technique.summary.endswith(".")
    assert re.search(r"\d{4}|§", technique.source)


@EVERY
def test_each_changes_its_part_alone_on_every_template_it_fits(technique, lowest):
    highest = {
        name: domain.values[-1] if isinstance(domain, Choice) else domain.high
        for name, domain in technique.space.items()
    }
    changed = set()
    for template in filter(technique.applies_to, templates.values()):
        for theta in (lowest(technique), highest):
            changed |= changed_parts(template, technique.apply(template, theta))
    assert changed == {technique.part}


def test_what_a_template_exposes_stays_exposed_and_holds_what_a_technique_sets():
    exposed = {
        "training.dense_rate": Float(0.001, 0.01, log=True),
        "training.table_rate": Float(0.01, 0.1),
        "training.optimizer.eps": Float(1e-9, 1e-7),
    }
    template = Template(name="t", exposed=exposed)
    changed = catalogue["muon"].apply(template, {"rate": 0.02, "adam_rate": 0.001, "momentum": 0.9})
    assert changed.training.dense_rate == 0.02
    assert changed.exposed["training.dense_rate"] == Float(0.001, 0.02, log=True)
    assert changed.exposed["training.table_rate"] == exposed["training.table_rate"]
    kept = catalogue["dense_learning_rate"].apply(template, {"rate": 0.005})
    assert kept.exposed == exposed


@settings(max_examples=60)
@given(case=points())
def test_any_point_makes_a_template_that_round_trips_and_a_network(
    case, ads_model, small_log, tmp_path_factory
):
    technique, template, theta = case
    changed = technique.apply(template, theta)
    assert changed_parts(template, changed) <= {technique.part}
    assert technique.apply(changed, theta) == changed
    file = tmp_path_factory.mktemp("t") / "t.yaml"
    changed.dump(file)
    assert Template.load(file) == changed
    assert network_of(changed, ads_model, small_log.schema)


@EVERY
def test_each_bound_is_enforced_by_name_and_domain(technique, lowest):
    template = next(each for each in templates.values() if technique.applies_to(each))
    inside = lowest(technique)
    technique.apply(template, inside)
    for key, domain in technique.space.items():
        outside = "nothing" if isinstance(domain, Choice) else domain.high * 2
        with pytest.raises(InputError) as caught:
            technique.apply(template, {**inside, key: outside})
        assert str(caught.value) == (
            f"technique '{technique.name}': {key} = {outside!r} is outside its domain, {domain}"
        )
    with pytest.raises(InputError, match=f"technique '{technique.name}': unknown hyperparameter"):
        technique.apply(template, {**inside, "x": 1})


@pytest.mark.parametrize(
    ("name", "template", "message"),
    [
        (
            "target_attention",
            "decoupled_sparsenn_small",
            "technique 'target_attention' does not fit the paradigm 'decoupled_sparsenn' of "
            "template 'decoupled_sparsenn_small'; it fits sparsenn",
        ),
        (
            "wider_towers",
            "sparsenn_medium",
            "technique 'wider_towers' does not fit the paradigm 'sparsenn' of template "
            "'sparsenn_medium'; it fits decoupled_sparsenn",
        ),
        (
            "distillation",
            "sparsenn_large",
            "technique 'distillation' does not fit the scale 'large' of template "
            "'sparsenn_large'; it fits small and medium",
        ),
    ],
)
def test_a_template_that_a_technique_does_not_fit_is_refused_in_one_sentence(
    name, template, message, lowest
):
    technique = catalogue[name]
    assert not technique.applies_to(templates[template])
    with pytest.raises(InputError) as caught:
        technique.apply(templates[template], lowest(technique))
    assert str(caught.value) == message


def test_those_that_do_not_fit_all_templates_are_few():
    partial = {
        technique.name
        for technique in catalogue.values()
        if not all(technique.applies_to(template) for template in templates.values())
    }
    assert partial == {"target_attention", "wider_towers", "distillation"}


@pytest.mark.parametrize("name", [name for name, each in catalogue.items() if each.reads])
def test_a_technique_matters_to_a_model_with_the_features_that_it_reads_alone(
    name, small_model, small_log, lowest
):
    technique, schema = catalogue[name], small_log.schema
    template = load_version("sparsenn_small", 1)
    changed = technique.apply(template, lowest(technique))
    types: dict[str, FeatureType] = {n: feature_type(schema, n) for n in small_model.features}
    without = tuple(n for n in small_model.features if types[n] not in technique.reads)
    other = small_model.model_copy(update={"features": without})
    assert network_of(changed, other, schema) == network_of(template, other, schema)
    assert network_of(changed, small_model, schema) != network_of(template, small_model, schema)


@pytest.mark.parametrize(
    "name", [name for name, each in catalogue.items() if each.reads or each.chains or each.shares]
)
@pytest.mark.parametrize("template", templates.values(), ids=templates.keys())
def test_a_model_that_a_technique_may_not_change_has_the_same_network_with_it(
    name, template, ads_model, small_log, lowest
):
    technique, schema = catalogue[name], small_log.schema
    if not technique.applies_to(template):
        return
    changed, seen = technique.apply(template, lowest(technique)), set()
    few = tuple(n for n in ads_model.features if feature_type(schema, n) not in technique.reads)
    for features in (ads_model.features, few):
        for events in (("view",), ("click",), ("conversion", "view")):
            model = ads_model.model_copy(update={"features": features, "events": events})
            may = technique.may_change(template, model, schema)
            try:
                before = network_of(template, model, schema)
            except InputError:
                continue
            assert may or network_of(changed, model, schema) == before
            seen.add(may)
    assert seen == {True, False} or (True in seen and template.paradigm == "decoupled_sparsenn")


def test_distillation_learns_from_the_large_template_of_the_same_paradigm(lowest):
    technique = catalogue["distillation"]
    for template in templates.values():
        if technique.applies_to(template):
            spec = technique.apply(template, lowest(technique)).data.distillation
            assert templates[spec.teacher].paradigm == template.paradigm
            assert templates[spec.teacher].scale == "large"


def test_a_selection_keeps_the_importances_that_the_template_has(lowest):
    selection = {"importance": "importance.parquet", "numeric": 2}
    template = templates["sparsenn_small"].change("features", selection=selection)
    technique = catalogue["top_features"]
    selected = technique.apply(template, lowest(technique)).features.selection
    assert (selected.importance, selected.numeric) == ("importance.parquet", 4)


def test_the_table_shows_every_technique(capsys):
    main(Config())
    shown = capsys.readouterr().out
    assert all(f"│ {name} " in shown for name in catalogue)


def test_a_page_shows_one_in_full(capsys):
    main(Config("hstu"))
    shown = " ".join(capsys.readouterr().out.split())
    technique = catalogue["hstu"]
    assert technique.summary in shown
    assert technique.source in shown
    assert "reads sequence, event" in shown
    assert "a whole number in [5, 50], on a log scale" in shown
    assert all(meaning in shown for meaning in technique.meanings.values())
    main(Config("bf16"))
    assert "paradigms sparsenn, decoupled_sparsenn" in " ".join(capsys.readouterr().out.split())


def test_a_technique_of_the_users_own_file_is_found(tmp_path, small_template, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "from smt.template import Float, Technique\n"
        "def change(template, *, rate):\n"
        "    return template.change('training', dense_rate=rate)\n"
        "slow = Technique('slow', 'training', {'rate': Float(0.1, 1.0)}, change, 'mine')\n"
        "other = 3\n"
    )
    technique = find_technique(f"{file}:slow")
    assert technique.apply(small_template, {"rate": 0.5}).training.dense_rate == 0.5
    assert all(technique.applies_to(template) for template in templates.values())
    main(Config(f"{file}:slow"))
    assert "source     mine" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"defines no technique 'slw'; did you mean 'slow'\?"):
        find_technique(f"{file}:slw")
    with pytest.raises(InputError, match="defines no technique 'other'"):
        find_technique(f"{file}:other")
    with pytest.raises(InputError, match=r"gone\.py: no such file"):
        find_technique(f"{tmp_path}/gone.py:slow")
    with pytest.raises(InputError, match=r"unknown technique 'dcn'; did you mean 'dcn_v2'"):
        find_technique("dcn")


def test_a_page_says_where_a_hyperparameter_is_active(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "from smt.template import Choice, Float, Technique\n"
        "space = {'way': Choice(['drop', 'none']), 'rate': Float(0.1, 0.5, when={'way': 'drop'})}\n"
        "drop = Technique('drop', 'training', space, lambda template, **_: template, 'mine')\n"
    )
    main(Config(f"{file}:drop"))
    assert "a number in [0.1, 0.5], where way is 'drop'" in " ".join(
        capsys.readouterr().out.split()
    )


def test_five_fields_are_enough_for_a_technique():
    technique = Technique("t", "data", {}, lambda template: template, "here")
    assert (technique.reads, technique.meanings, technique.summary) == ((), {}, "")
