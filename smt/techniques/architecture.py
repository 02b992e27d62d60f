"""Techniques that change the network's shape."""

from smt.template.space import Choice, Int
from smt.template.technique import Technique
from smt.template.template import Cross, Dot, ResidualMLP, Template


def _dcn_v2(template: Template, *, layers: int, rank: int, keep_dot: bool) -> Template:
    cross = Cross(layers=layers, rank=rank)
    return template.change("architecture", interactions=(Dot(), cross) if keep_dot else (cross,))


dcn_v2 = Technique(
    name="dcn_v2",
    part="architecture",
    space={
        "layers": Int(1, 4),
        "rank": Int(8, 128, log=True),
        "keep_dot": Choice([True, False]),
    },
    change=_dcn_v2,
    source="Wang et al., DCN V2, WWW 2021 (arXiv:2008.13535)",
)


def _layer_norm_residual_mlp(template: Template, *, width: int, depth: int) -> Template:
    return template.change("architecture", mlp=ResidualMLP(width=width, depth=depth))


layer_norm_residual_mlp = Technique(
    name="layer_norm_residual_mlp",
    part="architecture",
    space={"width": Int(32, 256, log=True), "depth": Int(1, 4)},
    change=_layer_norm_residual_mlp,
    source="Xiong et al., On Layer Normalization in Transformers (arXiv:2002.04745)",
)
