import pytest

from smt.space import Float
from smt.template.architecture import Cross, Dot, Parallel, ResidualMLP
from smt.template.data import Enrichment
from smt.template.difference import Change, diff
from smt.template.features import PositionWeighting
from smt.template.template import Template

BEFORE = Template(name="t")


@pytest.mark.parametrize(
    ("part", "values", "place", "before", "after"),
    [
        ("training", {"batch_size": 64}, "training.batch_size", 512, 64),
        ("training", {"clip_norm": 1.0}, "training.clip_norm", None, 1.0),
        (
            "training",
            {"optimizer": {"kind": "adam", "eps": 1e-6}},
            "training.optimizer.eps",
            1e-8,
            1e-6,
        ),
        (
            "features",
            {"position_weighting": {"max_positions": 14, "half_life": 23.1}},
            "features.position_weighting",
            None,
            PositionWeighting(max_positions=14, half_life=23.1),
        ),
        ("features", {"selection": {"id": 3}}, "features.selection.id", None, 3),
        (
            "architecture",
            {"mlp": {"kind": "residual", "width": 32, "depth": 2}},
            "architecture.mlp",
            BEFORE.architecture.mlp,
            ResidualMLP(width=32, depth=2),
        ),
        (
            "architecture",
            {"interactions": (Parallel(members=(Dot(), Cross(layers=2, rank=None))),)},
            "architecture.interactions",
            (Dot(),),
            (Parallel(members=(Dot(), Cross(layers=2, rank=None))),),
        ),
        ("serving", {"limits": {"flops": 10}}, "serving.limits.flops", None, 10),
    ],
)
def test_a_change_is_named_by_its_innermost_common_place(part, values, place, before, after):
    changed = BEFORE.change(part, **values)
    assert diff(BEFORE, changed) == [Change(part, place, before, after)]
    assert diff(changed, BEFORE) == [Change(part, place, after, before)]


def test_equal_templates_have_no_difference():
    assert diff(BEFORE, Template(name="t")) == []


def test_what_is_outside_the_five_parts_is_the_templates_own():
    domain = Float(0.001, 0.1, log=True)
    after = BEFORE.model_copy(update={"name": "u", "exposed": {"training.dense_rate": domain}})
    assert diff(BEFORE, after) == [
        Change("template", "name", "t", "u"),
        Change("template", "exposed.training.dense_rate", None, domain),
    ]


def test_a_changed_domain_is_one_change():
    before, after = (
        BEFORE.model_copy(update={"exposed": {"training.dense_rate": Float(0.001, high)}})
        for high in (0.1, 0.2)
    )
    assert diff(before, after) == [
        Change("template", "exposed.training.dense_rate", Float(0.001, 0.1), Float(0.001, 0.2))
    ]


def test_changes_come_in_the_order_of_the_template():
    side = Enrichment(table="t.parquet", key="item", columns={"price": {"kind": "numeric"}})
    after = (
        BEFORE.change("serving", batch_size=1)
        .change("training", passes=2, batch_size=1)
        .change("data", enrichments=(side,))
        .change("architecture", embedding_dim=8)
    )
    assert [change.place for change in diff(BEFORE, after)] == [
        "architecture.embedding_dim",
        "data.enrichments",
        "training.batch_size",
        "training.passes",
        "serving.batch_size",
    ]
