import pyarrow as pa
import pytest
import torch
from torch import nn
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.data import read_batches
from smt.errors import InputError
from smt.layers.examples import Examples
from smt.layers.initialize import initialize
from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dot import DotInteraction
from smt.layers.mlp import ResidualMLP
from smt.layers.networks import DecoupledSparseNN
from smt.layers.weighers import FrequencyGate, PositionWeights
from smt.template import build, catalogue
from smt.template.architecture import PLE, Cross, Dot, InterFormer, MMoE, Parallel, PlainMLP
from smt.template.architecture import ResidualMLP as ResidualSpec

META = torch.device("meta")
SEQUENCES = {
    "pooled": {},
    "typed": {"event_steps": 6},
    "target attention": {"sequence": {"kind": "target_attention", "hidden": (8,)}},
    "self-attention": {"sequence": {"kind": "self_attention", "layers": 1, "heads": 2}},
    "hstu": {"sequence": {"kind": "hstu", "layers": 1, "heads": 2, "time_buckets": 8}},
    "attention": {"pooling": {"kind": "attention", "hidden": 8}},
}
TABLES = {
    "plain": {},
    "hashed": {"hashing": {"buckets": 16, "hashes": 2}},
    "shared": {"shared_tables": True},
    "gated": {"frequency_gate": 2.0},
    "positions": {"position_weighting": {"max_positions": 4, "half_life": 2.0}},
    "all": {
        "hashing": {"buckets": 16, "hashes": 2},
        "shared_tables": True,
        "frequency_gate": 2.0,
        "position_weighting": {"max_positions": 4, "half_life": 2.0},
        "crosses": {"count": 2, "num_ids": 50},
        "buckets": {"count": 2, "buckets": 4},
    },
}
EVERY = pytest.mark.parametrize(
    ("sequences", "tables"), [(s, t) for s in SEQUENCES for t in TABLES]
)


def read(network, log, size=32, rows=None):
    return next(
        read_batches(
            log.train if rows is None else rows,
            log.schema,
            features=network.features,
            events=network.labels,
            batch_size=size,
            steps=network.reads_steps,
        )
    )


@pytest.fixture(scope="module")
def lean(small_model):
    features = ("user", "item", "segment", "category", "user_age", "item_price")
    lists = ("user_interests", "item_tags", "item_content", "history", "surface")
    return small_model.model_copy(update={"features": (*features, *lists)})


def count(network, kind):
    return sum(isinstance(module, kind) for module in network.modules())


def test_every_feature_is_a_token_and_all_numeric_ones_are_one(
    small_template, small_model, small_log
):
    network = build(small_template, small_model, small_log.schema)
    batch = read(network, small_log)
    tokens, sequences = network.tower.representation(Examples.of(batch, training=False))
    numeric = 7
    assert tokens.shape == (32, len(small_model.features) - numeric + 1, 16)
    assert sequences == []
    assert network(batch).shape == (32, 1)


@pytest.mark.parametrize("name", ["sparsenn_small", "decoupled_sparsenn_small"])
def test_a_network_has_one_logit_an_event(name, small_model, small_log):
    model = small_model.model_copy(update={"events": ("click", "like", "view")})
    network = build(catalogue[name], model, small_log.schema).eval()
    assert network(read(network, small_log)).shape == (32, 3)
    assert isinstance(network, DecoupledSparseNN) == name.startswith("decoupled")


@pytest.mark.parametrize(
    "features",
    [
        ("user", "item"),
        ("user_age", "item_price"),
        ("item_content",),
        ("history", "item_tags"),
        ("surface", "region", "user_age"),
        ("item",),
        ("user_age",),
        ("history",),
        ("history", "user", "item_content", "user_age"),
    ],
)
def test_any_mix_of_kinds_of_features_builds_and_runs(
    small_template, small_model, small_log, features
):
    model = small_model.model_copy(update={"features": features})
    network = build(small_template, model, small_log.schema)
    assert torch.isfinite(network(read(network, small_log, 16))).all()


def test_the_templates_choices_are_in_the_network(small_template, small_model, small_log):
    template = small_template.change(
        "architecture",
        interactions=(Parallel(members=(Dot(), Cross(layers=3, rank=4))),),
        mlp=ResidualSpec(width=24, depth=2),
    ).change(
        "features",
        position_weighting={"max_positions": 6, "half_life": 2.0},
        frequency_gate=3.0,
    )
    network = build(template, small_model, small_log.schema)
    assert count(network, DotInteraction) == count(network, CrossInteraction) == 1
    assert count(network, ResidualMLP) == 1
    lists, singles = 3, 10
    assert count(network, PositionWeights) == lists
    assert count(network, FrequencyGate) == lists + singles
    assert torch.isfinite(network(read(network, small_log))).all()


def test_a_plain_template_has_no_weighers(small_template, small_model, small_log):
    network = build(small_template, small_model, small_log.schema)
    assert count(network, PositionWeights) == count(network, FrequencyGate) == 0
    assert count(network, FusedEmbeddingBagCollection) == 2
    # Numeric features, the embedding, and the MLP; events' last layers are no `nn.Linear`.
    assert count(network, nn.Linear) == 2 + 1 + 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ("usr",)}, "feature of model 'click/all': 'usr'; did you mean 'user'"),
        ({"features": ("click",)}, "feature of model 'click/all': 'click'"),
        ({"events": ("clik",)}, "event of model 'click/all': 'clik'; did you mean 'click'"),
    ],
)
def test_what_the_schema_lacks_is_refused_in_the_models_name(
    small_template, small_model, small_log, change, message
):
    with pytest.raises(InputError, match=message):
        build(small_template, small_model.model_copy(update=change), small_log.schema)


@EVERY
def test_any_reading_of_sequences_goes_with_any_kind_of_tables(
    sequences, tables, small_template, lean, small_log
):
    template = small_template.change("features", **SEQUENCES[sequences], **TABLES[tables])
    network = build(template, lean, small_log.schema)
    initialize(network, 0)
    network.fit(read(network, small_log, 500))
    logits = network(read(network, small_log))
    assert torch.isfinite(logits).all()
    torch.autograd.backward(logits.sum())
    unused = [n for n, p in network.named_parameters() if p.grad is None and "tables" not in n]
    assert not unused
    # One example alone, and without a single step, tag or interest.
    network.eval()
    empty = small_log.train.slice(0, 3).to_pylist()
    for row in empty:
        row.update(history=[], history_events=[], history_times=[])
        row.update(user_interests=[], item_tags=[])
    rows = pa.Table.from_pylist(empty, schema=small_log.train.schema)
    for size in (3, 1):
        assert torch.isfinite(network(read(network, small_log, size, rows))).all()


@EVERY
def test_a_network_is_built_without_memory_and_as_it_would_be_with_it(
    sequences, tables, small_template, lean, small_log
):
    template = small_template.change("features", **SEQUENCES[sequences], **TABLES[tables])
    real = build(template, lean, small_log.schema).state_dict()
    meta = build(template, lean, small_log.schema, META)
    assert all(each.is_meta for each in (*meta.parameters(), *meta.buffers()))
    shapes = {name: value.shape for name, value in meta.state_dict().items()}
    assert shapes == {name: value.shape for name, value in real.items()}


def table_rows(network):
    return {
        name.rsplit(".", 2)[-2]: len(value)
        for name, value in network.state_dict().items()
        if ".embedding_bags." in name
    }


def test_lists_and_sequences_share_tables_as_they_are_asked_to(small_template, lean, small_log):
    own = {"user", "item", "segment", "category", "surface"}
    lists = {"user_interests", "item_tags", "history"}
    found = {}
    for name, values in {
        "alone": {},
        "shared": {"shared_tables": True},
        "attended": SEQUENCES["target attention"],
    }.items():
        template = small_template.change("features", **values)
        found[name] = {*table_rows(build(template, lean, small_log.schema))}
    assert found["alone"] == own | lists
    assert found["shared"] == own | {"item_tags"}
    # Steps meet the item in one space; other lists stay where they are.
    assert found["attended"] == own | {"user_interests", "item_tags"}


def test_only_large_tables_are_hashed_and_transforms_are_too(small_template, lean, small_log):
    template = small_template.change(
        "features",
        hashing={"buckets": 40, "hashes": 2},
        crosses={"count": 1, "num_ids": 1000},
        buckets={"count": 1, "buckets": 4},
    )
    rows = table_rows(build(template, lean, small_log.schema))
    ids = {name: small_log.schema.columns[name].num_ids for name in rows if "__" not in name}
    assert {name: rows[name] for name in ids} == {n: min(each, 40) for n, each in ids.items()}
    assert rows["cross__user__item"] == 40
    assert rows["bucket__user_age"] == 5


def test_interactions_that_do_not_fit_are_left_out_or_refused(small_template, lean, small_log):
    former = InterFormer(layers=1, heads=2, summary_tokens=2, recent=2)
    template = small_template.change("architecture", interactions=(former, Dot()))
    few = lean.model_copy(update={"features": ("user", "item")})
    assert len(build(template, few, small_log.schema).tower.interactions.members) == 1
    assert len(build(template, lean, small_log.schema).tower.interactions.members) == 2
    odd = former.model_copy(update={"heads": 3})
    template = template.change("architecture", interactions=(odd,))
    with pytest.raises(InputError, match="template 'sparsenn_small', model 'click/all': "):
        build(template, lean, small_log.schema)


def test_what_a_chain_of_events_needs_is_learnt_beside_the_models_events(
    small_template, lean, small_log
):
    def auxiliary(events, count=None, entire_space=True):
        spec = None if count is None else {"source": "events", "count": count, "weight": 1.0}
        template = small_template.change("architecture", entire_space=entire_space)
        template = template.change("data", auxiliary=spec)
        model = lean.model_copy(update={"events": events})
        return build(template, model, small_log.schema).auxiliary

    assert auxiliary(("conversion",)) == ("view", "click")
    assert auxiliary(("conversion", "view")) == ("click",)
    assert auxiliary(("hide",)) == ()
    assert auxiliary(("conversion",), 2) == ("view", "click", "long_view", "like")
    assert auxiliary(("conversion",), 2, entire_space=False) == ("view", "long_view")
    assert auxiliary(("view",), 99) == (
        *("long_view", "click", "like", "conversion", "share", "hide"),
    )
    assert build(small_template, lean, small_log.schema).chain is None


def test_steps_are_read_only_where_something_depends_on_them(small_template, lean, small_log):
    reads = {
        name: build(small_template.change("features", **values), lean, small_log.schema).reads_steps
        for name, values in SEQUENCES.items()
    }
    assert {name for name, each in reads.items() if each} == {"typed", "hstu"}


@pytest.fixture
def shared(small_model):
    """A model of two events."""
    return small_model.model_copy(update={"events": ("click", "like")})


@pytest.mark.parametrize("tasks", [MMoE(), MMoE(experts=2, width=7), PLE(), PLE(layers=2)])
def test_experts_take_the_place_of_the_last_layer_of_a_plain_mlp(
    tasks, small_template, shared, small_log
):
    template = small_template.change("architecture", mlp=PlainMLP(widths=(24, 10)), tasks=tasks)
    tower = build(template, shared, small_log.schema).tower
    assert tower.out_features == (tasks.width or 5)
    assert [layer.out_features for layer in tower.over if isinstance(layer, nn.Linear)] == [24]


def test_experts_follow_an_mlp_of_residual_blocks(small_template, shared, small_log):
    mlp = ResidualSpec(width=12, depth=1)
    template = small_template.change("architecture", mlp=mlp, tasks=PLE())
    tower = build(template, shared, small_log.schema).tower
    assert isinstance(tower.over, ResidualMLP)
    assert tower.out_features == 6


def test_experts_can_be_all_of_an_mlp(small_template, shared, small_log):
    template = small_template.change("architecture", mlp=PlainMLP(widths=(10,)), tasks=MMoE())
    network = build(template, shared, small_log.schema)
    assert network.tower.tasks.experts.out_features == 4 * 5
    assert network(read(network, small_log)).shape == (32, 2)


def test_a_model_of_one_event_has_no_experts(small_template, small_model, small_log):
    auxiliary = {"source": "events", "count": 1, "weight": 0.1}
    plain = small_template.change("data", auxiliary=auxiliary)
    with_experts = plain.change("architecture", tasks=PLE())
    own, same = (build(each, small_model, small_log.schema) for each in (with_experts, plain))
    assert str(own) == str(same)
