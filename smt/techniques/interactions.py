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
from smt.template.technique import Technique
from smt.template.template import Template

# Every embedding_dim is a multiple of 16, so these divide it.
HEADS = Choice([1, 2, 4])


def _dcn_v2(template: Template, *, layers: int, rank: int, keep_dot: bool) -> Template:
    cross = Cross(layers=layers, rank=rank)
    return beside(template, cross, dropping=() if keep_dot else ("dot",))


dcn_v2 = Technique(
    name="dcn_v2",
    part="architecture",
    summary="Low-rank cross layers beside the interactions that there are.",
    space={
        "layers": Int(1, 4),
        "rank": Int(8, 128, log=True),
        "keep_dot": Choice([True, False]),
    },
    meanings={
        "layers": "cross layers; each raises the degree of the products by one",
        "rank": "of each layer's matrix",
        "keep_dot": "whether dot products stay beside the cross layers",
    },
    change=_dcn_v2,
    source="Wang et al., DCN V2, WWW 2021 (arXiv:2008.13535)",
)


def _wukong(template: Template, *, layers: int, tokens: int, rank: int, hidden: int) -> Template:
    layer = Wukong(fm_tokens=tokens, lcb_tokens=tokens, rank=rank, hidden=(hidden,))
    return before(template, *[layer] * layers)


wukong = Technique(
    name="wukong",
    part="architecture",
    summary="Stacked factorization machines before the interactions that there are.",
    space={
        "layers": Int(1, 4),
        "tokens": Int(4, 32, log=True),
        "rank": Int(4, 32, log=True),
        "hidden": Int(32, 256, log=True),
    },
    meanings={
        "layers": "Wukong layers; the degree of the products doubles with each",
        "tokens": "that each layer's factorization machine gives, and its linear block as well",
        "rank": "columns to which the products of all pairs of tokens are projected",
        "hidden": "width of the hidden layer over the products",
    },
    change=_wukong,
    source="Zhang et al., Wukong, ICML 2024 (arXiv:2403.02545)",
)


def _dhen(
    template: Template, *, layers: int, tokens: int, rank: int, with_attention: bool
) -> Template:
    members: list[Member] = [Dot(), Cross(layers=1, rank=rank)]
    if with_attention:
        members.append(TokenAttention(heads=2, layers=1))
    layer = DHEN(members=tuple(members), tokens=tokens)
    # What another θ of this put into the ensembles goes; what other techniques did stays.
    return before(template, *[layer] * layers, dropping=("token_attention",))


dhen = Technique(
    name="dhen",
    part="architecture",
    summary="Layers of ensembles (dot products, a cross layer, self-attention) before the rest.",
    space={
        "layers": Int(1, 3),
        "tokens": Int(4, 32, log=True),
        "rank": Int(8, 64, log=True),
        "with_attention": Choice([False, True]),
    },
    meanings={
        "layers": "DHEN layers, one on the other",
        "tokens": "that each layer gives",
        "rank": "of the cross layer in each ensemble",
        "with_attention": "whether self-attention is a third member of each ensemble",
    },
    change=_dhen,
    source="Zhang et al., DHEN, DLP-KDD 2022 (arXiv:2203.11014)",
)


def _mask_blocks(
    template: Template,
    *,
    blocks: int,
    reduction: float,
    tokens: int,
    mode: Literal["parallel", "serial"],
) -> Template:
    mask = Mask(blocks=blocks, reduction=reduction, tokens=tokens, mode=mode)
    return beside(template, mask)


mask_blocks = Technique(
    name="mask_blocks",
    part="architecture",
    summary="MaskNet's instance-guided masks beside the interactions that there are.",
    space={
        "blocks": Int(1, 4),
        "reduction": Float(0.125, 2.0, log=True),
        "tokens": Int(2, 16, log=True),
        "mode": Choice(["parallel", "serial"]),
    },
    meanings={
        "blocks": "mask blocks",
        "reduction": "width of a mask's hidden layer, as a multiple of the mask's",
        "tokens": "that each block gives",
        "mode": "whether blocks stand side by side or one on the other",
    },
    change=_mask_blocks,
    source="Wang et al., MaskNet, DLP-KDD 2021 (arXiv:2102.07619)",
)


def _senet_gate(template: Template, *, reduction: int) -> Template:
    return before(template, SENet(reduction=reduction))


senet_gate = Technique(
    name="senet_gate",
    part="architecture",
    summary="Weighs every token by how informative it is for the example, before they meet.",
    space={"reduction": Int(1, 8)},
    meanings={"reduction": "by which the gate's hidden layer is narrower than the tokens are many"},
    change=_senet_gate,
    source="Huang et al., FiBiNET, RecSys 2019 (arXiv:1905.09433), Section 3.2",
)


def _bilinear(
    template: Template, *, gate_reduction: int, form: Literal["all", "each"], tokens: int
) -> Template:
    products = Bilinear(gate_reduction=gate_reduction, form=form, tokens=tokens)
    return beside(template, products)


bilinear = Technique(
    name="bilinear",
    part="architecture",
    summary="Bilinear products of all pairs of tokens beside the interactions that there are.",
    space={
        "gate_reduction": Int(1, 8),
        "form": Choice(["all", "each"]),
        "tokens": Int(2, 32, log=True),
    },
    meanings={
        "gate_reduction": "as in senet_gate; the gated tokens have products as well",
        "form": "one matrix for all tokens, or one for each",
        "tokens": "to which the products are compressed",
    },
    change=_bilinear,
    source="Huang et al., FiBiNET, RecSys 2019 (arXiv:1905.09433), Section 3.3",
)


def _token_attention(template: Template, *, heads: int, layers: int) -> Template:
    return before(template, TokenAttention(heads=heads, layers=layers))


token_attention = Technique(
    name="token_attention",
    part="architecture",
    summary="Multi-head self-attention among tokens, before the interactions that there are.",
    space={"heads": HEADS, "layers": Int(1, 3)},
    meanings={
        "heads": "of the attention, which share a token's width",
        "layers": "of attention",
    },
    change=_token_attention,
    source="Song et al., AutoInt, CIKM 2019 (arXiv:1810.11921)",
)


def _interformer(
    template: Template, *, layers: int, heads: int, summary_tokens: int, recent: int
) -> Template:
    exchange = InterFormer(layers=layers, heads=heads, summary_tokens=summary_tokens, recent=recent)
    return before(template, exchange)


interformer = Technique(
    name="interformer",
    part="architecture",
    summary="Tokens and sequences learn from each other, before the interactions that there are.",
    reads=("sequence", "event"),
    space={
        "layers": Int(1, 3),
        "heads": HEADS,
        "summary_tokens": Int(1, 8),
        "recent": Int(1, 20, log=True),
    },
    meanings={
        "layers": "of exchange",
        "heads": "of the attention within a sequence and in its summaries",
        "summary_tokens": "that stand for a sequence among the tokens, and for the tokens in it",
        "recent": "latest steps of which a summary also has the mean",
    },
    change=_interformer,
    source="Zeng et al., InterFormer, CIKM 2025 (arXiv:2411.09852)",
)

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
