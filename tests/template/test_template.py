import pytest

from smt.errors import InputError
from smt.space import Choice, Float
from smt.template import Template
from smt.template.architecture import (
    Bilinear,
    Cross,
    Dot,
    InterFormer,
    Mask,
    Parallel,
    ResidualMLP,
    SENet,
    TokenAttention,
    Wukong,
    sizes,
)
from smt.template.data import Auxiliary, ConversionWindow, Distillation, Enrichment, PastRates
from smt.template.features import HSTU, PiecewiseLinear, PositionWeighting, TargetAttention
from smt.template.optimizers import MuonSpec
from smt.template.training import Capacity, WarmupCosine

CHANGED = (
    Template(name="t")
    .change(
        "architecture",
        interactions=(
            Parallel(members=(Dot(), Cross(layers=2, rank=None))),
            Wukong(fm_tokens=2, lcb_tokens=3, rank=4, hidden=(8,)),
        ),
        mlp=ResidualMLP(width=32, depth=2),
        entire_space=True,
    )
    .change(
        "features",
        position_weighting=PositionWeighting(max_positions=8, half_life=3.5),
        frequency_gate=2.0,
        numeric=PiecewiseLinear(bins=4, tokens=2),
        sequence=HSTU(layers=1, heads=2, time_buckets=8),
        selection={"importance": "i.parquet", "id": 3},
    )
    .change(
        "data",
        label_smoothing=0.01,
        train_rows=100,
        conversion_window=ConversionWindow(hours=2.5, correction="weighted"),
        distillation=Distillation(teacher="sparsenn_large", version=1, weight=0.5),
        auxiliary=Auxiliary(source="events", count=2, weight=0.1),
        past_rates=PastRates(count=2, prior_count=10.0),
        enrichments=(
            Enrichment(table="t.parquet", key="user", columns={"x": {"kind": "numeric"}}),
        ),
    )
    .change(
        "training",
        schedule=WarmupCosine(warmup=0.1, peak=2.0, final=0.05),
        optimizer=MuonSpec(),
        workers=2,
        capacity=Capacity(memory_gib=1.5),
    )
    .change("serving", enforce_flops_limit=False, table_precision="int8")
    .model_copy(
        update={
            "exposed": {
                "training.dense_rate": Float(1e-4, 1e-1, log=True),
                "serving.table_precision": Choice(["fp32", "int8"]),
            }
        }
    )
)


def test_a_template_of_every_setting_round_trips_through_yaml(tmp_path):
    CHANGED.dump(tmp_path / "t.yaml")
    again = Template.load(tmp_path / "t.yaml")
    assert again == CHANGED
    assert again.digest() == CHANGED.digest()


def test_change_replaces_some_values_of_one_part_and_leaves_the_template_alone():
    before = Template(name="t")
    after = before.change("training", batch_size=64)
    assert after.training.batch_size == 64
    assert after.training.dense_rate == before.training.dense_rate
    assert before == Template(name="t")
    assert after.model_copy(update={"training": before.training}) == before


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("training", {"batch_size": 0}, r"'training\.batch_size'"),
        ("training", {"bach_size": 1}, r"unknown key 'training\.bach_size'.*'batch_size'"),
        ("data", {"label_smoothing": 1.5}, r"'data\.label_smoothing'"),
        ("data", {"negative_rate": 0.0}, r"'data\.negative_rate'"),
        ("training", {"ema_decay": 1.0}, r"'training\.ema_decay'"),
        ("features", {"frequency_gate": 0.0}, r"'features\.frequency_gate'"),
        ("trainning", {"batch_size": 1}, "unknown key 'trainning'; did you mean 'training'"),
    ],
)
def test_an_impossible_change_is_refused_with_template_part_and_key(part, values, message):
    with pytest.raises(InputError, match=f"template 't', part '{part}': {message}"):
        Template(name="t").change(part, **values)


@pytest.mark.parametrize(
    "spec",
    [
        Cross(layers=2, rank=3),
        Wukong(fm_tokens=2, lcb_tokens=3, rank=4, hidden=(8,)),
        Mask(blocks=2, reduction=1.5, tokens=2, mode="serial"),
        SENet(reduction=2),
        Bilinear(gate_reduction=2, form="each", tokens=3),
        TokenAttention(heads=2, layers=2),
        InterFormer(layers=1, heads=2, summary_tokens=1, recent=2),
    ],
)
def test_an_interaction_without_a_size_or_of_an_unknown_form_is_refused_by_key(spec):
    for key, value in sizes(spec).items():
        impossible = "both" if isinstance(value, str) else (0,) if key == "hidden" else 0
        changed = {**spec.to_dict(), key: impossible}
        with pytest.raises(InputError, match=rf"interactions\.0\.{spec.kind}\.{key}"):
            Template(name="t").change("architecture", interactions=(changed,))


def test_target_attention_is_refused_in_towers_that_meet_only_at_the_end():
    template = Template(name="t", paradigm="decoupled_sparsenn")
    assert template.change("features", sequence=HSTU(layers=1, heads=1, time_buckets=4))
    with pytest.raises(InputError, match="target attention reads the item beside the user's"):
        template.change("features", sequence=TargetAttention(hidden=(4,)))


def test_the_two_kinds_of_interactions_that_hold_others_need_one():
    with pytest.raises(InputError, match=r"'architecture\.interactions\.0\.parallel\.members'"):
        Template(name="t").change(
            "architecture", interactions=({"kind": "parallel", "members": ()},)
        )
