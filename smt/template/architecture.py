"""The architecture part: how tokens meet, what joins them, and how events share it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from smt.spec import Spec


def sizes(spec: Spec) -> dict[str, Any]:
    """The fields of a spec of a module, but for its kind: what its module is called with."""
    return {name: value for name, value in spec if name != "kind"}


class InteractionSpec(Spec):
    """How tokens meet. `Single` lists those that there are.

    Attributes:
        reads_sequences: Whether the module reads sequences step by step.
    """

    reads_sequences: ClassVar[bool] = False


class Dot(InteractionSpec):
    """Dot products of all pairs of tokens (DLRM)."""

    kind: Literal["dot"] = "dot"


class Cross(InteractionSpec):
    """Cross layers (DCN-V2): low-rank, or full where `rank` is None."""

    kind: Literal["cross"] = "cross"
    layers: PositiveInt
    rank: PositiveInt | None


class Wukong(InteractionSpec):
    """One Wukong layer: a factorization machine block beside a linear compression."""

    kind: Literal["wukong"] = "wukong"
    fm_tokens: PositiveInt
    lcb_tokens: PositiveInt
    rank: PositiveInt
    hidden: tuple[PositiveInt, ...]


class Mask(InteractionSpec):
    """MaskNet's blocks of `tokens` output tokens each, one after the other or side by side."""

    kind: Literal["mask"] = "mask"
    blocks: PositiveInt
    reduction: PositiveFloat
    tokens: PositiveInt
    mode: Literal["serial", "parallel"]


class SENet(InteractionSpec):
    """Tokens weighed by their excitation (FiBiNET's SENet gate)."""

    kind: Literal["senet"] = "senet"
    reduction: PositiveInt


class Bilinear(InteractionSpec):
    """FiBiNET's bilinear products of pairs, compressed to `tokens`."""

    kind: Literal["bilinear"] = "bilinear"
    gate_reduction: PositiveInt
    form: Literal["all", "each"]
    tokens: PositiveInt


class TokenAttention(InteractionSpec):
    """Multi-head self-attention over tokens (AutoInt)."""

    kind: Literal["token_attention"] = "token_attention"
    heads: PositiveInt
    layers: PositiveInt


class InterFormer(InteractionSpec):
    """Exchange between tokens and sequences; left out of networks without sequences."""

    reads_sequences: ClassVar = True
    kind: Literal["interformer"] = "interformer"
    layers: PositiveInt
    heads: PositiveInt
    summary_tokens: PositiveInt
    recent: PositiveInt


Single = Dot | Cross | Wukong | Mask | SENet | Bilinear | TokenAttention | InterFormer
Member = Annotated[Single, Field(discriminator="kind")]


class Parallel(InteractionSpec):
    """Several interactions of the same tokens, their outputs side by side."""

    kind: Literal["parallel"] = "parallel"
    members: tuple[Member, ...] = Field(min_length=1)


class DHEN(InteractionSpec):
    """One DHEN layer: an ensemble of interactions with a shortcut and a normalisation."""

    kind: Literal["dhen"] = "dhen"
    members: tuple[Member, ...] = Field(min_length=1)
    tokens: PositiveInt


Interaction = Annotated[Single | Parallel | DHEN, Field(discriminator="kind")]


def singles(interaction: Interaction) -> tuple[Member, ...]:
    """The members of an ensemble; any other interaction itself."""
    if isinstance(interaction, Parallel | DHEN):
        return interaction.members
    return (interaction,)


class PlainMLP(Spec):
    """Linear layers of these widths, with ReLU."""

    kind: Literal["plain"] = "plain"
    widths: tuple[PositiveInt, ...] = (128, 64)


class ResidualMLP(Spec):
    """`depth` pre-norm residual blocks of one width."""

    kind: Literal["residual"] = "residual"
    width: PositiveInt
    depth: PositiveInt


class SharedBottom(Spec):
    """All events read the same hidden layer."""

    kind: Literal["shared_bottom"] = "shared_bottom"


class MMoE(Spec):
    """Shared experts, mixed by a gate of each event's own."""

    kind: Literal["mmoe"] = "mmoe"
    experts: PositiveInt
    width: PositiveInt


class PLE(Spec):
    """Shared and specific experts in layers (progressive layered extraction)."""

    kind: Literal["ple"] = "ple"
    shared: PositiveInt
    specific: PositiveInt
    layers: PositiveInt
    width: PositiveInt


class Architecture(Spec):
    """The network's shape.

    Attributes:
        embedding_dim: D, the width of every token.
        numeric_hidden: Hidden width of the normalised numeric features' token.
        interactions: Stacked: each reads the tokens that the one before it made.
        mlp: Joins the tokens of the last interaction.
        tasks: How several events share what the MLP found.
        entire_space: Chain an event that always follows another (the schema's `after`) to
            it: P(conversion) = P(click) P(conversion | click), learned on all impressions.
        tower_dim: Decoupled paradigm only: width of the vectors that users and items meet in.
    """

    embedding_dim: PositiveInt = 16
    numeric_hidden: PositiveInt = 64
    interactions: tuple[Interaction, ...] = (Dot(),)
    mlp: Annotated[PlainMLP | ResidualMLP, Field(discriminator="kind")] = PlainMLP()
    tasks: Annotated[SharedBottom | MMoE | PLE, Field(discriminator="kind")] = SharedBottom()
    entire_space: bool = False
    tower_dim: PositiveInt = 32
