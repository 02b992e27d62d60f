"""What reads lists and sequences, from a template's features part."""

from torch import nn

from smt.data.columns import Sequence
from smt.layers.representation import SequenceReader
from smt.layers.sequences.hstu import HSTUEncoder
from smt.layers.sequences.pooling import AttentionPooler, MeanPooler, SumPooler
from smt.layers.sequences.pooling import TargetAttention as TargetAttentionPooler
from smt.layers.sequences.self_attention import SelfAttentionEncoder
from smt.layers.sequences.steps import EventSteps
from smt.template.architecture import sizes
from smt.template.features import (
    HSTU,
    AttentionPooling,
    Features,
    SelfAttention,
    SumPooling,
    TargetAttention,
)


def build_pooler(features: Features, dim: int) -> nn.Module:
    """From a list's embeddings to a token."""
    spec = features.pooling
    if isinstance(spec, AttentionPooling):
        return AttentionPooler(dim, hidden=spec.hidden)
    return SumPooler() if isinstance(spec, SumPooling) else MeanPooler()


def build_reader(
    features: Features, dim: int, column: Sequence, shares: str | None
) -> SequenceReader:
    """From a sequence's embeddings to a token.

    Args:
        shares: The feature whose table, and so whose space, the sequence's steps are in.
    """
    spec = features.sequence
    target = shares if isinstance(spec, TargetAttention) else None
    typed = features.event_steps is not None
    return SequenceReader(
        _event_steps(features, dim, column),
        _encoder(features, dim),
        _sequence_pooler(features, dim, target),
        events=column.events if typed and column.num_events is not None else None,
        timestamps=column.timestamps if typed or isinstance(spec, HSTU) else None,
        target=target,
        max_steps=features.max_steps,
    )


def _event_steps(features: Features, dim: int, column: Sequence) -> EventSteps | None:
    if features.event_steps is None or not column.steps:
        return None
    return EventSteps(
        dim,
        num_events=column.num_events if column.events is not None else None,
        time_buckets=None if column.timestamps is None else features.event_steps,
    )


def _encoder(features: Features, dim: int) -> nn.Module | None:
    spec = features.sequence
    if not isinstance(spec, SelfAttention | HSTU):
        return None
    encoder = SelfAttentionEncoder if isinstance(spec, SelfAttention) else HSTUEncoder
    return encoder(dim, max_length=features.max_steps, **sizes(spec))


def _sequence_pooler(features: Features, dim: int, target: str | None) -> nn.Module:
    spec = features.sequence
    if spec is None:
        return build_pooler(features, dim)
    if not isinstance(spec, TargetAttention):
        return MeanPooler()
    if target is None:
        return AttentionPooler(dim, hidden=spec.hidden[0])
    return TargetAttentionPooler(dim, hidden=spec.hidden)
