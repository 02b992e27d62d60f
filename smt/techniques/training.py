"""Techniques that change how networks are trained."""

from smt.space import Choice, Float
from smt.template.optimizers import AdamWSpec, MuonSpec
from smt.template.technique import technique
from smt.template.template import Template
from smt.template.training import WarmupCosine


@technique(
    part="training",
    warmup=(Float(0.0, 0.2), "share of the steps that the warm-up takes"),
    peak=(Float(0.5, 4.0, log=True), "highest rate, as a multiple of the template's"),
    final=(Float(0.01, 1.0, log=True), "last rate, as a share of the highest"),
    source="Loshchilov and Hutter, SGDR (arXiv:1608.03983); Goyal et al. (arXiv:1706.02677)",
)
def lr_warmup_cosine(template: Template, *, warmup: float, peak: float, final: float) -> Template:
    """All learning rates warm up linearly, then fall along a half cosine."""
    schedule = WarmupCosine(warmup=warmup, peak=peak, final=final)
    return template.change("training", schedule=schedule)


@technique(
    part="training",
    horizon=(
        Float(5.0, 5000.0, log=True),
        "steps that the average reaches back; its decay is 1 - 1/horizon",
    ),
    source="Polyak and Juditsky, 1992; Morales-Brotons et al. (arXiv:2411.18704)",
)
def ema_weights(template: Template, *, horizon: float) -> Template:
    """Predicts with a moving average of the dense parameters."""
    return template.change("training", ema_decay=1 - 1 / horizon)


@technique(
    part="training",
    rate=(Float(2e-4, 0.02, log=True), "learning rate of the hidden matrices"),
    adam_rate=(
        Float(2e-4, 0.02, log=True),
        "Adam's learning rate, for what is not a hidden matrix",
    ),
    momentum=(Float(0.8, 0.99), "of the hidden matrices"),
    source="Jordan et al., Muon, 2024; Liu et al. (arXiv:2502.16982)",
)
def muon(template: Template, *, rate: float, adam_rate: float, momentum: float) -> Template:
    """Orthogonalised momentum for hidden matrices, Adam for other dense parameters."""
    optimizer = MuonSpec(momentum=momentum, adam_rate=adam_rate)
    return template.change("training", optimizer=optimizer, dense_rate=rate)


@technique(
    part="training",
    rate=(Float(2e-4, 0.02, log=True), "learning rate of the dense parameters"),
    weight_decay=(
        Float(1e-4, 1.0, log=True),
        "share of a matrix, times the rate, that each step takes away",
    ),
    source="Loshchilov and Hutter, Decoupled Weight Decay, ICLR 2019 (arXiv:1711.05101)",
)
def adamw(template: Template, *, rate: float, weight_decay: float) -> Template:
    """Adam with decoupled weight decay. An alternative to muon: the last applied counts."""
    optimizer = AdamWSpec(weight_decay=weight_decay)
    return template.change("training", optimizer=optimizer, dense_rate=rate)


@technique(
    part="training",
    rate=(Float(2e-4, 0.02, log=True), "learning rate of the dense parameters"),
    source="Kingma and Ba, Adam, ICLR 2015 (arXiv:1412.6980)",
)
def dense_learning_rate(template: Template, *, rate: float) -> Template:
    """Another learning rate of the dense parameters, by the template's own optimizer."""
    return template.change("training", dense_rate=rate)


@technique(
    part="training",
    rate=(Float(0.005, 0.5, log=True), "of the tables' row-wise Adagrad"),
    source="Duchi et al., Adagrad, JMLR 2011; Naumov et al., DLRM (arXiv:1906.00091)",
)
def table_learning_rate(template: Template, *, rate: float) -> Template:
    """A learning rate of the embedding tables' own."""
    return template.change("training", table_rate=rate)


@technique(
    part="training",
    norm=(Float(0.01, 10.0, log=True), "largest joint norm of the dense gradients"),
    source="Pascanu et al., ICML 2013 (arXiv:1211.5063)",
)
def gradient_clipping(template: Template, *, norm: float) -> Template:
    """Gradients of the dense parameters are shrunk to a largest norm."""
    return template.change("training", clip_norm=norm)


@technique(
    part="training",
    batch_size=(Choice([64, 128, 256]), "examples a step, of all workers together"),
    source="Masters and Luschi, Revisiting Small Batch Training (arXiv:1804.07612)",
)
def smaller_batches(template: Template, *, batch_size: int) -> Template:
    """Fewer examples a step, and so more steps."""
    return template.change("training", batch_size=batch_size)


@technique(part="training", source="Kalamkar et al., A Study of BFLOAT16 (arXiv:1905.12322)")
def bf16(template: Template) -> Template:
    """Computes the dense part in bfloat16, for speed on hardware that has it."""
    return template.change("training", precision="bf16")
