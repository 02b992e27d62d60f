"""Techniques that change the network's shape, but for how tokens meet."""

from smt.space import Choice, Int
from smt.template.architecture import PLE, MMoE, ResidualMLP
from smt.template.technique import technique
from smt.template.template import Template


@technique(
    part="architecture",
    width=(Int(32, 256, log=True), "of every block"),
    depth=(Int(1, 4), "blocks, one on the other"),
    source="Xiong et al., On Layer Normalization in Transformers (arXiv:2002.04745)",
)
def layer_norm_residual_mlp(template: Template, *, width: int, depth: int) -> Template:
    """Pre-norm residual blocks in place of the MLP over the tokens."""
    return template.change("architecture", mlp=ResidualMLP(width=width, depth=depth))


@technique(
    part="architecture",
    dim=(Choice([32, 48, 64]), "the width; the tables' size is proportional to it"),
    source="Guo et al., On the Embedding Collapse, ICML 2024 (arXiv:2310.04400), on its limits",
)
def wider_embeddings(template: Template, *, dim: int) -> Template:
    """Another width of all embeddings and tokens."""
    return template.change("architecture", embedding_dim=dim)


@technique(
    part="architecture",
    shares=True,
    source="Ma et al., Multi-gate Mixture-of-Experts, KDD 2018 (doi:10.1145/3219819.3220007)",
)
def mmoe(template: Template) -> Template:
    """Four experts that all events share, mixed by a gate of each event's own, in place of the
    MLP's last layer and half as wide; models of one event stay as they are.
    """
    return template.change("architecture", tasks=MMoE())


@technique(
    part="architecture",
    shares=True,
    source="Tang et al., Progressive Layered Extraction, RecSys 2020 (doi:10.1145/3383313.3412236)",
)
def ple(template: Template) -> Template:
    """Two experts that all events share and one of each event's own, mixed by a gate an event, in
    place of the MLP's last layer and half as wide; models of one event stay as they are.
    """
    return template.change("architecture", tasks=PLE())


@technique(
    part="architecture",
    chains=True,
    source="Ma et al., Entire Space Multi-Task Model, SIGIR 2018 (arXiv:1804.07931)",
)
def entire_space(template: Template) -> Template:
    """An event that always follows another (the schema's `after`) is predicted given that one, and
    learned on all impressions; models of other events stay as they are.
    """
    return template.change("architecture", entire_space=True)


@technique(
    part="architecture",
    paradigms=("decoupled_sparsenn",),
    dim=(Int(16, 256, log=True), "the width; an index of items has one such vector an item"),
    source="Yi et al., Sampling-Bias-Corrected Neural Modeling, RecSys 2019 "
    "(doi:10.1145/3298689.3346996)",
)
def wider_towers(template: Template, *, dim: int) -> Template:
    """Another width of the vectors in which the user and the item meet."""
    return template.change("architecture", tower_dim=dim)
