"""Techniques that change how networks are trained."""

from smt.space import Choice, Float
from smt.template.optimizers import AdamWSpec, MuonSpec
from smt.template.technique import Technique
from smt.template.template import Template
from smt.template.training import WarmupCosine


def _lr_warmup_cosine(template: Template, *, warmup: float, peak: float, final: float) -> Template:
    schedule = WarmupCosine(warmup=warmup, peak=peak, final=final)
    return template.change("training", schedule=schedule)


lr_warmup_cosine = Technique(
    name="lr_warmup_cosine",
    part="training",
    summary="All learning rates warm up linearly, then fall along a half cosine.",
    space={
        "warmup": Float(0.0, 0.2),
        "peak": Float(0.5, 4.0, log=True),
        "final": Float(0.01, 1.0, log=True),
    },
    meanings={
        "warmup": "share of the steps that the warm-up takes",
        "peak": "highest rate, as a multiple of the template's",
        "final": "last rate, as a share of the highest",
    },
    change=_lr_warmup_cosine,
    source="Loshchilov and Hutter, SGDR (arXiv:1608.03983); Goyal et al. (arXiv:1706.02677)",
)


def _ema_weights(template: Template, *, horizon: float) -> Template:
    return template.change("training", ema_decay=1 - 1 / horizon)


ema_weights = Technique(
    name="ema_weights",
    part="training",
    summary="Predicts with a moving average of the dense parameters.",
    space={"horizon": Float(5.0, 5000.0, log=True)},
    meanings={"horizon": "steps that the average reaches back; its decay is 1 - 1/horizon"},
    change=_ema_weights,
    source="Polyak and Juditsky, 1992; Morales-Brotons et al. (arXiv:2411.18704)",
)


def _muon(template: Template, *, rate: float, adam_rate: float, momentum: float) -> Template:
    optimizer = MuonSpec(momentum=momentum, adam_rate=adam_rate)
    return template.change("training", optimizer=optimizer, dense_rate=rate)


muon = Technique(
    name="muon",
    part="training",
    summary="Orthogonalised momentum for hidden matrices, Adam for other dense parameters.",
    space={
        "rate": Float(2e-4, 0.02, log=True),
        "adam_rate": Float(2e-4, 0.02, log=True),
        "momentum": Float(0.8, 0.99),
    },
    meanings={
        "rate": "learning rate of the hidden matrices",
        "adam_rate": "Adam's learning rate, for what is not a hidden matrix",
        "momentum": "of the hidden matrices",
    },
    change=_muon,
    source="Jordan et al., Muon, 2024; Liu et al. (arXiv:2502.16982)",
)


def _adamw(template: Template, *, rate: float, weight_decay: float) -> Template:
    optimizer = AdamWSpec(weight_decay=weight_decay)
    return template.change("training", optimizer=optimizer, dense_rate=rate)


adamw = Technique(
    name="adamw",
    part="training",
    summary="Adam with decoupled weight decay. An alternative to muon: the last applied counts.",
    space={
        "rate": Float(2e-4, 0.02, log=True),
        "weight_decay": Float(1e-4, 1.0, log=True),
    },
    meanings={
        "rate": "learning rate of the dense parameters",
        "weight_decay": "share of a matrix, times the rate, that each step takes away",
    },
    change=_adamw,
    source="Loshchilov and Hutter, Decoupled Weight Decay, ICLR 2019 (arXiv:1711.05101)",
)


def _table_learning_rate(template: Template, *, rate: float) -> Template:
    return template.change("training", table_rate=rate)


table_learning_rate = Technique(
    name="table_learning_rate",
    part="training",
    summary="A learning rate of the embedding tables' own.",
    space={"rate": Float(0.005, 0.5, log=True)},
    meanings={"rate": "of the tables' row-wise Adagrad"},
    change=_table_learning_rate,
    source="Duchi et al., Adagrad, JMLR 2011; Naumov et al., DLRM (arXiv:1906.00091)",
)


def _gradient_clipping(template: Template, *, norm: float) -> Template:
    return template.change("training", clip_norm=norm)


gradient_clipping = Technique(
    name="gradient_clipping",
    part="training",
    summary="Gradients of the dense parameters are shrunk to a largest norm.",
    space={"norm": Float(0.01, 10.0, log=True)},
    meanings={"norm": "largest joint norm of the dense gradients"},
    change=_gradient_clipping,
    source="Pascanu et al., ICML 2013 (arXiv:1211.5063)",
)


def _smaller_batches(template: Template, *, batch_size: int) -> Template:
    return template.change("training", batch_size=batch_size)


smaller_batches = Technique(
    name="smaller_batches",
    part="training",
    summary="Fewer examples a step, and so more steps.",
    space={"batch_size": Choice([64, 128, 256])},
    meanings={"batch_size": "examples a step, of all workers together"},
    change=_smaller_batches,
    source="Masters and Luschi, Revisiting Small Batch Training (arXiv:1804.07612)",
)


def _bf16(template: Template) -> Template:
    return template.change("training", precision="bf16")


bf16 = Technique(
    name="bf16",
    part="training",
    summary="Computes the dense part in bfloat16, for speed on hardware that has it.",
    space={},
    change=_bf16,
    source="Kalamkar et al., A Study of BFLOAT16 (arXiv:1905.12322)",
)
