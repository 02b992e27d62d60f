"""Techniques that change the network's shape, but for how tokens meet."""

from smt.space import Choice, Int
from smt.template.architecture import PLE, MMoE, ResidualMLP
from smt.template.technique import Technique
from smt.template.template import Template


def _layer_norm_residual_mlp(template: Template, *, width: int, depth: int) -> Template:
    return template.change("architecture", mlp=ResidualMLP(width=width, depth=depth))


layer_norm_residual_mlp = Technique(
    name="layer_norm_residual_mlp",
    part="architecture",
    summary="Pre-norm residual blocks in place of the MLP over the tokens.",
    space={"width": Int(32, 256, log=True), "depth": Int(1, 4)},
    meanings={"width": "of every block", "depth": "blocks, one on the other"},
    change=_layer_norm_residual_mlp,
    source="Xiong et al., On Layer Normalization in Transformers (arXiv:2002.04745)",
)


def _wider_embeddings(template: Template, *, dim: int) -> Template:
    return template.change("architecture", embedding_dim=dim)


wider_embeddings = Technique(
    name="wider_embeddings",
    part="architecture",
    summary="Another width of all embeddings and tokens.",
    space={"dim": Choice([32, 48, 64])},
    meanings={"dim": "the width; the tables' size is proportional to it"},
    change=_wider_embeddings,
    source="Guo et al., On the Embedding Collapse, ICML 2024 (arXiv:2310.04400), on its limits",
)


def _mmoe(template: Template, *, experts: int, width: int) -> Template:
    return template.change("architecture", tasks=MMoE(experts=experts, width=width))


mmoe = Technique(
    name="mmoe",
    part="architecture",
    summary="Experts that all events share, mixed by a gate of each event's own.",
    space={"experts": Int(2, 8), "width": Int(16, 128, log=True)},
    meanings={"experts": "one-layer networks that are mixed", "width": "of an expert's output"},
    change=_mmoe,
    source="Ma et al., Multi-gate Mixture-of-Experts, KDD 2018 (doi:10.1145/3219819.3220007)",
)


def _ple(template: Template, *, shared: int, specific: int, layers: int, width: int) -> Template:
    tasks = PLE(shared=shared, specific=specific, layers=layers, width=width)
    return template.change("architecture", tasks=tasks)


ple = Technique(
    name="ple",
    part="architecture",
    summary="Experts that events share and experts of their own, extracted layer by layer.",
    space={
        "shared": Int(1, 4),
        "specific": Int(1, 3),
        "layers": Int(1, 3),
        "width": Int(16, 128, log=True),
    },
    meanings={
        "shared": "experts a layer that all events read",
        "specific": "experts a layer of each event's own",
        "layers": "of extraction",
        "width": "of an expert's output",
    },
    change=_ple,
    source="Tang et al., Progressive Layered Extraction, RecSys 2020 (doi:10.1145/3383313.3412236)",
)


def _entire_space(template: Template) -> Template:
    return template.change("architecture", entire_space=True)


entire_space = Technique(
    name="entire_space",
    part="architecture",
    summary=(
        "An event that always follows another (the schema's `after`) is predicted given that "
        "one, and learned on all impressions; models of other events stay as they are."
    ),
    space={},
    change=_entire_space,
    source="Ma et al., Entire Space Multi-Task Model, SIGIR 2018 (arXiv:1804.07931)",
)


def _wider_towers(template: Template, *, dim: int) -> Template:
    return template.change("architecture", tower_dim=dim)


wider_towers = Technique(
    name="wider_towers",
    part="architecture",
    summary="Another width of the vectors in which the user and the item meet.",
    paradigms=("decoupled_sparsenn",),
    space={"dim": Int(16, 256, log=True)},
    meanings={"dim": "the width; an index of items has one such vector an item"},
    change=_wider_towers,
    source="Yi et al., Sampling-Bias-Corrected Neural Modeling, RecSys 2019 "
    "(doi:10.1145/3298689.3346996)",
)
