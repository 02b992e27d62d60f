"""The architecture part: how tokens meet, what joins them, and how events share it."""

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from smt.spec import Spec

if TYPE_CHECKING:
    from torch import nn

    from smt.layers.interactions.interaction import Interaction as Layer


def sizes(spec: Spec) -> dict[str, Any]:
    """The fields of a spec of a module, but for its kind: what its module is called with."""
    return {name: value for name, value in spec if name != "kind"}


class InteractionSpec(Spec):
    """How tokens meet. `Single` lists those that there are.

    Attributes:
        module: What it stands for, `MODULE:CLASS`: torch, which comes with it, is loaded when it is
            built. It is called with the spec's fields by name; `build` may say otherwise.
        reads_sequences: Whether the module reads sequences step by step.
    """

    module: ClassVar[str]
    reads_sequences: ClassVar[bool] = False

    def build(self, tokens: int, dim: int, num_sequences: int) -> "Layer | None":
        """The module that takes `tokens` tokens; None where it would have nothing to do.

        Raises:
            ValueError: Sizes do not fit, such as heads that do not divide `dim`.
        """
        return self._make(tokens, dim, **sizes(self))

    # By place, as specs have a field `tokens` of their own.
    def _make(self, tokens: int, dim: int, /, **shapes: Any) -> "Layer":
        layer: Layer = resolve_name(self.module)(tokens, dim, **shapes)
        return layer


class Dot(InteractionSpec):
    """Dot products of all pairs of tokens (DLRM)."""

    module: ClassVar = "smt.layers.interactions.dot:DotInteraction"
    kind: Literal["dot"] = "dot"


class Cross(InteractionSpec):
    """Cross layers (DCN-V2): low-rank, or full where `rank` is None."""

    module: ClassVar = "smt.layers.interactions.cross:CrossInteraction"
    kind: Literal["cross"] = "cross"
    layers: PositiveInt
    rank: PositiveInt | None


class Wukong(InteractionSpec):
    """One Wukong layer: a factorization machine block beside a linear compression."""

    module: ClassVar = "smt.layers.interactions.wukong:WukongLayer"
    kind: Literal["wukong"] = "wukong"
    fm_tokens: PositiveInt
    lcb_tokens: PositiveInt
    rank: PositiveInt
    hidden: tuple[PositiveInt, ...]


class Mask(InteractionSpec):
    """MaskNet's blocks of `tokens` output tokens each, one after the other or side by side."""

    module: ClassVar = "smt.layers.interactions.mask:MaskBlocks"
    kind: Literal["mask"] = "mask"
    blocks: PositiveInt
    reduction: PositiveFloat
    tokens: PositiveInt
    mode: Literal["serial", "parallel"]


class SENet(InteractionSpec):
    """Tokens weighed by their excitation (FiBiNET's SENet gate)."""

    module: ClassVar = "smt.layers.interactions.gate:SENetGate"
    kind: Literal["senet"] = "senet"
    reduction: PositiveInt


class Bilinear(InteractionSpec):
    """FiBiNET's bilinear products of pairs, compressed to `tokens`."""

    module: ClassVar = "smt.layers.interactions.gate:BilinearInteraction"
    kind: Literal["bilinear"] = "bilinear"
    gate_reduction: PositiveInt
    form: Literal["all", "each"]
    tokens: PositiveInt

    def build(self, tokens: int, dim: int, num_sequences: int) -> "Layer | None":
        """See `InteractionSpec.build`."""
        # A single token has no pairs.
        return None if tokens == 1 else super().build(tokens, dim, num_sequences)


class TokenAttention(InteractionSpec):
    """Multi-head self-attention over tokens (AutoInt)."""

    module: ClassVar = "smt.layers.interactions.self_attention:SelfAttentionInteraction"
    kind: Literal["token_attention"] = "token_attention"
    heads: PositiveInt
    layers: PositiveInt


class InterFormer(InteractionSpec):
    """Exchange between tokens and sequences; left out of networks without sequences."""

    module: ClassVar = "smt.layers.interactions.interformer:InterFormerInteraction"
    reads_sequences: ClassVar = True
    kind: Literal["interformer"] = "interformer"
    layers: PositiveInt
    heads: PositiveInt
    summary_tokens: PositiveInt
    recent: PositiveInt

    def build(self, tokens: int, dim: int, num_sequences: int) -> "Layer | None":
        """See `InteractionSpec.build`."""
        shapes = {"num_sequences": num_sequences, **sizes(self)}
        return self._make(tokens, dim, **shapes) if num_sequences else None


Single = Dot | Cross | Wukong | Mask | SENet | Bilinear | TokenAttention | InterFormer
Member = Annotated[Single, Field(discriminator="kind")]


class Ensemble(InteractionSpec):
    """Several interactions of the same tokens; without those that would have nothing to do."""

    kind: str
    members: tuple[Member, ...] = Field(min_length=1)

    def build(self, tokens: int, dim: int, num_sequences: int) -> "Layer | None":
        """See `InteractionSpec.build`."""
        built = [member.build(tokens, dim, num_sequences) for member in self.members]
        modules = [member for member in built if member is not None]
        shapes = {name: size for name, size in sizes(self).items() if name != "members"}
        return self._make(tokens, dim, modules=modules, **shapes) if modules else None


class Parallel(Ensemble):
    """Several interactions of the same tokens, their outputs side by side."""

    module: ClassVar = "smt.layers.interactions.stack:Parallel"
    kind: Literal["parallel"] = "parallel"


class DHEN(Ensemble):
    """One DHEN layer: an ensemble of interactions with a shortcut and a normalisation."""

    module: ClassVar = "smt.layers.interactions.dhen:DHENLayer"
    kind: Literal["dhen"] = "dhen"
    tokens: PositiveInt


Interaction = Annotated[Single | Parallel | DHEN, Field(discriminator="kind")]


def singles(interaction: Interaction) -> tuple[Member, ...]:
    """The members of an ensemble; any other interaction itself."""
    return interaction.members if isinstance(interaction, Ensemble) else (interaction,)


class ModuleSpec(Spec):
    """A module that is called with sizes of its place in the network, then its spec's fields."""

    module: ClassVar[str]

    def build(self, *places: int) -> "nn.Module":
        """The module."""
        module: nn.Module = resolve_name(self.module)(*places, **sizes(self))
        return module


class PlainMLP(ModuleSpec):
    """Linear layers of these widths, with ReLU."""

    module: ClassVar = "smt.layers.mlp:MLP"
    kind: Literal["plain"] = "plain"
    widths: tuple[PositiveInt, ...] = (128, 64)


class ResidualMLP(ModuleSpec):
    """`depth` pre-norm residual blocks of one width."""

    module: ClassVar = "smt.layers.mlp:ResidualMLP"
    kind: Literal["residual"] = "residual"
    width: PositiveInt
    depth: PositiveInt


class SharedBottom(ModuleSpec):
    """All events read the same hidden layer."""

    module: ClassVar = "smt.layers.multitask:SharedBottom"
    kind: Literal["shared_bottom"] = "shared_bottom"

    def build_over(
        self, mlp: PlainMLP | ResidualMLP, in_features: int, num_events: int
    ) -> "tuple[nn.Module, nn.Module]":
        """The MLP, and what gives its hidden layer to every event."""
        over: Any = mlp.build(in_features)
        return over, self.build(over.out_features, num_events)


class Experts(ModuleSpec):
    """Experts take the place of a plain MLP's last layer; they follow any other MLP.

    Attributes:
        width: Of an expert's output; None for half that of the layer whose place they take, as they
            are several.
    """

    width: PositiveInt | None = None

    def build_over(
        self, mlp: PlainMLP | ResidualMLP, in_features: int, num_events: int
    ) -> "tuple[nn.Module, nn.Module]":
        """What is left of the MLP, and the experts over it."""
        if isinstance(mlp, PlainMLP):
            width, below = mlp.widths[-1], mlp.model_copy(update={"widths": mlp.widths[:-1]})
            left: Any = below.build(in_features)
        else:
            width, left = mlp.width, mlp.build(in_features)
        sized = self.model_copy(update={"width": self.width or max(1, width // 2)})
        return left, sized.build(left.out_features, num_events)


class MMoE(Experts):
    """Shared experts, mixed by a gate of each event's own."""

    module: ClassVar = "smt.layers.multitask:MMoE"
    kind: Literal["mmoe"] = "mmoe"
    experts: PositiveInt = 4


class PLE(Experts):
    """Shared and specific experts in layers (progressive layered extraction)."""

    module: ClassVar = "smt.layers.multitask:PLE"
    kind: Literal["ple"] = "ple"
    shared: PositiveInt = 2
    specific: PositiveInt = 1
    layers: PositiveInt = 1


Tasks = Annotated[SharedBottom | MMoE | PLE, Field(discriminator="kind")]


class Architecture(Spec):
    """The network's shape.

    Attributes:
        embedding_dim: D, the width of every token.
        numeric_hidden: Hidden width of the normalised numeric features' token.
        interactions: Stacked: each reads the tokens that the one before it made.
        mlp: Joins the tokens of the last interaction.
        tasks: How several events share what the MLP found; experts take its last layer's place.
            What a model of one event learns beside it shares the hidden layer plainly.
        entire_space: Chain an event that always follows another (the schema's `after`) to
            it: P(conversion) = P(click) P(conversion | click), learned on all impressions.
        tower_dim: Decoupled paradigm only: width of the vectors that users and items meet in.
    """

    embedding_dim: PositiveInt = 16
    numeric_hidden: PositiveInt = 64
    interactions: tuple[Interaction, ...] = (Dot(),)
    mlp: Annotated[PlainMLP | ResidualMLP, Field(discriminator="kind")] = PlainMLP()
    tasks: Tasks = SharedBottom()
    entire_space: bool = False
    tower_dim: PositiveInt = 32
