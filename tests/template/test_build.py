import pytest
import torch
from torch import nn
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.data import read_batches
from smt.errors import InputError
from smt.layers.interaction import CrossInteraction, DotInteraction
from smt.layers.mlp import ResidualMLP
from smt.layers.weighers import FrequencyGate, PositionWeights
from smt.template import build
from smt.template.template import Cross, Dot
from smt.template.template import ResidualMLP as ResidualSpec


@pytest.fixture
def batch(small_log, small_model):
    return next(
        read_batches(
            small_log.train,
            small_log.schema,
            features=small_model.features,
            events=small_model.events,
            batch_size=32,
        )
    )


def count(network, kind):
    return sum(isinstance(module, kind) for module in network.modules())


def test_every_feature_is_a_token_and_all_numeric_ones_are_one(
    small_template, small_model, small_log, batch
):
    network = build(small_template, small_model, small_log.schema)
    tokens = network.representation(batch)
    numeric = 7
    assert tokens.shape == (32, len(small_model.features) - numeric + 1, 16)
    assert network(batch).shape == (32, 1)


def test_a_network_has_one_logit_an_event(small_template, small_model, small_log, batch):
    model = small_model.model_copy(update={"events": ("click", "like", "view")})
    assert build(small_template, model, small_log.schema)(batch).shape == (32, 3)


@pytest.mark.parametrize(
    "features",
    [
        ("user", "item"),
        ("user_age", "item_price"),
        ("item_content",),
        ("history", "item_tags"),
        ("surface", "region", "user_age"),
        ("history", "user", "item_content", "user_age"),
    ],
)
def test_any_mix_of_kinds_of_features_builds_and_runs(
    small_template, small_model, small_log, features
):
    model = small_model.model_copy(update={"features": features})
    network = build(small_template, model, small_log.schema)
    batch = next(
        read_batches(
            small_log.train,
            small_log.schema,
            features=features,
            events=("click",),
            batch_size=16,
        )
    )
    assert torch.isfinite(network(batch)).all()


def test_the_templates_choices_are_in_the_network(small_template, small_model, small_log, batch):
    template = small_template.change(
        "architecture",
        interactions=(Dot(), Cross(layers=3, rank=4)),
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
    assert torch.isfinite(network(batch)).all()


def test_a_plain_template_has_no_weighers(small_template, small_model, small_log):
    network = build(small_template, small_model, small_log.schema)
    assert count(network, PositionWeights) == count(network, FrequencyGate) == 0
    assert count(network, FusedEmbeddingBagCollection) == 2
    assert count(network, nn.Linear) == 6


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
