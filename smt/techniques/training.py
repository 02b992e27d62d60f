"""Techniques that change how networks are trained, and on what labels."""

from smt.template.space import Float
from smt.template.technique import Technique
from smt.template.template import Template, WarmupCosine


def _lr_warmup_cosine(template: Template, *, warmup: float, peak: float, final: float) -> Template:
    schedule = WarmupCosine(warmup=warmup, peak=peak, final=final)
    return template.change("training", schedule=schedule)


lr_warmup_cosine = Technique(
    name="lr_warmup_cosine",
    part="training",
    space={
        "warmup": Float(0.0, 0.2),
        "peak": Float(0.5, 4.0, log=True),
        "final": Float(0.01, 1.0, log=True),
    },
    change=_lr_warmup_cosine,
    source="Loshchilov and Hutter, SGDR (arXiv:1608.03983); Goyal et al. (arXiv:1706.02677)",
)


def _label_smoothing(template: Template, *, smoothing: float) -> Template:
    return template.change("data", label_smoothing=smoothing)


label_smoothing = Technique(
    name="label_smoothing",
    part="data",
    space={"smoothing": Float(1e-4, 0.2, log=True)},
    change=_label_smoothing,
    source="Szegedy et al. (arXiv:1512.00567), smoothed towards the base rate",
)
