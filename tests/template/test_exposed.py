"""Hyperparameters that a model may set for itself."""

import pytest

from smt.errors import InputError
from smt.fleet import load_fleet, open_logs
from smt.model_iteration import launch_fleet
from smt.template import (
    Choice,
    Float,
    Int,
    Template,
    build,
    count_fleet_flops,
    count_flops,
    find_fleet_templates,
)
from smt.template.versions import Version, write_version

EXPOSED = {
    "architecture.tower_dim": Int(8, 64),
    "architecture.numeric_hidden": Int(8, 256, log=True),
    "training.dense_rate": Float(1e-4, 1e-1, log=True),
    "training.precision": Choice(["fp32", "bf16"]),
    "training.optimizer.eps": Float(1e-9, 1e-3, log=True),
}


@pytest.fixture
def template(small_template):
    return small_template.model_copy(update={"exposed": EXPOSED})


def owning(model, **values):
    own = {place.replace("__", "."): value for place, value in values.items()}
    return model.model_copy(update={"hyperparameters": own})


def test_a_model_that_sets_nothing_has_the_template(template, small_model):
    assert template.for_model(small_model) is template


def test_a_models_values_replace_the_templates_and_nothing_else(template, small_model):
    model = owning(
        small_model,
        training__dense_rate=0.03,
        training__precision="bf16",
        training__optimizer__eps=1e-5,
    )
    own = template.for_model(model)
    adam = template.training.optimizer.model_copy(update={"eps": 1e-5})
    expected = template.change(
        "training", dense_rate=0.03, precision="bf16", optimizer=adam.model_dump()
    )
    assert own == expected
    assert own.for_model(model) == own
    assert template.training.dense_rate == 0.002


def test_a_number_that_another_reader_of_yaml_gives_as_text_is_the_number(template, small_model):
    own = template.for_model(owning(small_model, training__dense_rate="1e-3"))
    assert own == template.for_model(owning(small_model, training__dense_rate=0.001))


def test_a_models_values_are_in_its_network_and_its_flops(template, small_model, small_log):
    model = owning(small_model, architecture__numeric_hidden=32)
    changed = template.change("architecture", numeric_hidden=32)
    network = build(template, model, small_log.schema)
    assert network.tower.representation.numeric.project[0].out_features == 32
    flops = count_flops(template, model, small_log.schema)
    assert flops == count_flops(changed, small_model, small_log.schema)
    assert flops < count_flops(template, small_model, small_log.schema)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "training.dens_rate",
            0.01,
            r"model 'click/all': hyperparameter 'training\.dens_rate' is not exposed by template "
            r"'sparsenn_small'; did you mean 'training\.dense_rate'\?",
        ),
        ("training.batch_size", 64, r"'training\.batch_size' is not exposed"),
        (
            "training.dense_rate",
            0.2,
            r"model 'click/all': training\.dense_rate = 0\.2 is outside its domain, "
            r"a number in \[0\.0001, 0\.1\]",
        ),
        ("training.dense_rate", True, r"training\.dense_rate = True is outside"),
        ("training.precision", "fp16", r"one of \['fp32', 'bf16'\]"),
        ("architecture.tower_dim", 8.0, r"a whole number in \[8, 64\]"),
    ],
)
def test_other_values_are_refused_by_name(place, value, message, template, small_model, small_log):
    model = small_model.model_copy(update={"hyperparameters": {place: value}})
    for call in (
        lambda: template.for_model(model),
        lambda: build(template, model, small_log.schema),
        lambda: count_flops(template, model, small_log.schema),
    ):
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize(
    ("place", "domain", "message"),
    [
        ("training.dense_rate", Float(0.01, 0.1), r"exposed 'training\.dense_rate' is 0\.002 here"),
        ("training.dense_rat", Float(0.01, 0.1), r"a template has no 'training\.dense_rat'"),
        ("training.dense_rate.x", Float(0.01, 0.1), r"has no 'training\.dense_rate\.x'"),
        ("features.position_weighting.half_life", Float(1, 9), "a template has no"),
        ("training.batch_size", Choice(["512"]), r"exposed 'training\.batch_size' is 512 here"),
    ],
)
def test_what_is_exposed_must_be_there_with_a_default_in_its_domain(place, domain, message):
    with pytest.raises(InputError, match=message):
        Template.parse({"name": "t", "exposed": {place: domain.model_dump()}}, source="t.yaml")


RULED = """
name: ruled
log: LOG
stages: {ranking: {features: [user, item]}}
surfaces: {all: {}}
data_constraints: {full: {}}
templates:
- {template: wide, stages: [ranking], least_weight: 2}
- {template: narrow, stages: [ranking]}
models:
- {name: own, stage: ranking, events: [click], surface: all, data_constraint: full,
   weight: 3, hyperparameters: {architecture.embedding_dim: 32}}
- {name: default, stage: ranking, events: [click], surface: all, data_constraint: full, weight: 3}
- {name: light, stage: ranking, events: [click], surface: all, data_constraint: full}
"""


def ruled_fleet(folder, small_template, log, change=lambda text: text):
    """A fleet whose rules say which of two templates, of which one exposes a width."""
    wide = small_template.model_copy(
        update={"name": "wide", "exposed": {"architecture.embedding_dim": Int(4, 64)}}
    )
    for template in (wide, small_template.model_copy(update={"name": "narrow"})):
        version = Version(name=template.name, number=1, written="2026-12-01", template=template)
        write_version(version, folder)
    (folder / "fleet.yaml").write_text(change(RULED.replace("LOG", str(log))))
    fleet = load_fleet(folder / "fleet.yaml")
    return fleet, find_fleet_templates(fleet, folder=folder)


def test_a_model_whose_template_a_rule_chose_sets_what_that_exposes(
    small_template, small_log_path, tmp_path
):
    fleet, templates = ruled_fleet(tmp_path, small_template, small_log_path)
    widths = [
        templates.of(model).for_model(model).architecture.embedding_dim for model in fleet.models
    ]
    default = small_template.architecture.embedding_dim
    assert widths == [32, default, default]
    logs = open_logs(fleet.models)
    own, plain, light = count_fleet_flops(templates, fleet, logs).models
    assert own.inference_flops > plain.inference_flops == light.inference_flops
    assert launch_fleet(fleet, None, baseline="none", folder=tmp_path).of["own"].name == "wide@1"


def test_a_model_whose_rules_template_does_not_expose_what_it_sets_is_refused_by_name(
    small_template, small_log_path, tmp_path
):
    def change(text):
        return text.replace("weight: 3, hyperparameters", "hyperparameters")

    refused = r"model 'own': hyperparameter .* is not exposed by template 'narrow'"
    with pytest.raises(InputError, match=refused):
        ruled_fleet(tmp_path, small_template, small_log_path, change)
