"""Techniques that change how tokens meet."""

from typing import Literal

from smt.space import Choice, Float, Int
from smt.techniques.stacking import before, beside
from smt.template.architecture import (
    DHEN,
    Bilinear,
    Cross,
    Dot,
    InterFormer,
    Mask,
    Member,
    SENet,
    TokenAttention,
    Wukong,
)
from smt.template.technique import technique
from smt.template.template import Template

# Every embedding_dim is a multiple of 16, so these divide it.
HEADS = Choice([1, 2, 4])


@technique(
    part="architecture",
    layers=(Int(1, 4), "cross layers; each raises the degree of the products by one"),
    rank=(Int(8, 128, log=True), "of each layer's matrix"),
    keep_dot=(Choice([True, False]), "whether dot products stay beside the cross layers"),
    source="Wang et al., DCN V2, WWW 2021 (arXiv:2008.13535)",
)
def dcn_v2(template: Template, *, layers: int, rank: int, keep_dot: bool) -> Template:
    """Low-rank cross layers beside the interactions that there are."""
    cross = Cross(layers=layers, rank=rank)
    return beside(template, cross, dropping=() if keep_dot else ("dot",))


@technique(
    part="architecture",
    layers=(Int(1, 4), "Wukong layers; the degree of the products doubles with each"),
    tokens=(
        Int(4, 32, log=True),
        "that each layer's factorization machine gives, and its linear block as well",
    ),
    rank=(
        Int(4, 32, log=True),
        "columns to which the products of all pairs of tokens are projected",
    ),
    hidden=(Int(32, 256, log=True), "width of the hidden layer over the products"),
    source="Zhang et al., Wukong, ICML 2024 (arXiv:2403.02545)",
)
def wukong(template: Template, *, layers: int, tokens: int, rank: int, hidden: int) -> Template:
    """Stacked factorization machines before the interactions that there are."""
    layer = Wukong(fm_tokens=tokens, lcb_tokens=tokens, rank=rank, hidden=(hidden,))
    return before(template, *[layer] * layers)


@technique(
    part="architecture",
    layers=(Int(1, 3), "DHEN layers, one on the other"),
    tokens=(Int(4, 32, log=True), "that each layer gives"),
    rank=(Int(8, 64, log=True), "of the cross layer in each ensemble"),
    with_attention=(
        Choice([False, True]),
        "whether self-attention is a third member of each ensemble",
    ),
    source="Zhang et al., DHEN, DLP-KDD 2022 (arXiv:2203.11014)",
)
def dhen(
    template: Template, *, layers: int, tokens: int, rank: int, with_attention: bool
) -> Template:
    """Layers of ensembles (dot products, a cross layer, self-attention) before the rest."""
    members: list[Member] = [Dot(), Cross(layers=1, rank=rank)]
    if with_attention:
        members.append(TokenAttention(heads=2, layers=1))
    layer = DHEN(members=tuple(members), tokens=tokens)
    # What another θ of this put into the ensembles goes; what other techniques did stays.
    return before(template, *[layer] * layers, dropping=("token_attention",))


@technique(
    part="architecture",
    blocks=(Int(1, 4), "mask blocks"),
    reduction=(
        Float(0.125, 2.0, log=True),
        "width of a mask's hidden layer, as a multiple of the mask's",
    ),
    tokens=(Int(2, 16, log=True), "that each block gives"),
    mode=(Choice(["parallel", "serial"]), "whether blocks stand side by side or one on the other"),
    source="Wang et al., MaskNet, DLP-KDD 2021 (arXiv:2102.07619)",
)
def mask_blocks(
    template: Template,
    *,
    blocks: int,
    reduction: float,
    tokens: int,
    mode: Literal["parallel", "serial"],
) -> Template:
    """MaskNet's instance-guided masks beside the interactions that there are."""
    mask = Mask(blocks=blocks, reduction=reduction, tokens=tokens, mode=mode)
    return beside(template, mask)


@technique(
    part="architecture",
    reduction=(Int(1, 8), "by which the gate's hidden layer is narrower than the tokens are many"),
    source="Huang et al., FiBiNET, RecSys 2019 (arXiv:1905.09433), Section 3.2",
)
def senet_gate(template: Template, *, reduction: int) -> Template:
    """Weighs every token by how informative it is for the example, before they meet."""
    return before(template, SENet(reduction=reduction))


@technique(
    part="architecture",
    gate_reduction=(Int(1, 8), "as in senet_gate; the gated tokens have products as well"),
    form=(Choice(["all", "each"]), "one matrix for all tokens, or one for each"),
    tokens=(Int(2, 32, log=True), "to which the products are compressed"),
    source="Huang et al., FiBiNET, RecSys 2019 (arXiv:1905.09433), Section 3.3",
)
def bilinear(
    template: Template, *, gate_reduction: int, form: Literal["all", "each"], tokens: int
) -> Template:
    """Bilinear products of all pairs of tokens beside the interactions that there are."""
    products = Bilinear(gate_reduction=gate_reduction, form=form, tokens=tokens)
    return beside(template, products)


@technique(
    part="architecture",
    heads=(HEADS, "of the attention, which share a token's width"),
    layers=(Int(1, 3), "of attention"),
    source="Song et al., AutoInt, CIKM 2019 (arXiv:1810.11921)",
)
def token_attention(template: Template, *, heads: int, layers: int) -> Template:
    """Multi-head self-attention among tokens, before the interactions that there are."""
    return before(template, TokenAttention(heads=heads, layers=layers))


@technique(
    part="architecture",
    reads=("sequence", "event"),
    layers=(Int(1, 3), "of exchange"),
    heads=(HEADS, "of the attention within a sequence and in its summaries"),
    summary_tokens=(
        Int(1, 8),
        "that stand for a sequence among the tokens, and for the tokens in it",
    ),
    recent=(Int(1, 20, log=True), "latest steps of which a summary also has the mean"),
    source="Zeng et al., InterFormer, CIKM 2025 (arXiv:2411.09852)",
)
def interformer(
    template: Template, *, layers: int, heads: int, summary_tokens: int, recent: int
) -> Template:
    """Tokens and sequences learn from each other, before the interactions that there are."""
    exchange = InterFormer(layers=layers, heads=heads, summary_tokens=summary_tokens, recent=recent)
    return before(template, exchange)


by_name = {
    technique.name: technique
    for technique in (
        dcn_v2,
        wukong,
        dhen,
        mask_blocks,
        senet_gate,
        bilinear,
        token_attention,
        interformer,
    )
}
"""The catalogue's techniques of how tokens meet, in its order."""
