"""Techniques that change what is learned from: labels, weights and rows."""

from typing import Literal

from smt.space import Choice, Float, Int
from smt.template.data import Auxiliary, ConversionWindow, Distillation, PastRates
from smt.template.technique import Technique
from smt.template.template import Template


def _label_smoothing(template: Template, *, smoothing: float) -> Template:
    return template.change("data", label_smoothing=smoothing)


label_smoothing = Technique(
    name="label_smoothing",
    part="data",
    summary="Training labels moved towards the base rate.",
    space={"smoothing": Float(1e-4, 0.2, log=True)},
    meanings={"smoothing": "share of the way to the base rate"},
    change=_label_smoothing,
    source="Szegedy et al. (arXiv:1512.00567), smoothed towards the base rate",
)


def _conversion_window(
    template: Template, *, hours: float, correction: Literal["weighted", "drop", "none"]
) -> Template:
    window = ConversionWindow(hours=hours, correction=correction)
    return template.change("data", conversion_window=window)


conversion_window = Technique(
    name="conversion_window",
    part="data",
    summary="A delayed event counts if it comes within a window; models of events without a "
    "delay column stay as they are.",
    space={
        "hours": Float(1.0, 720.0, log=True),
        "correction": Choice(["weighted", "drop", "none"]),
    },
    meanings={
        "hours": "length of the window, from the impression on",
        "correction": "what becomes of rows whose window was still open at the end of training",
    },
    change=_conversion_window,
    source="Chapelle, Modeling Delayed Feedback, KDD 2014; Ktena et al. (arXiv:1907.06558)",
)


def _auxiliary_events(template: Template, *, count: int, weight: float) -> Template:
    return template.change("data", auxiliary=Auxiliary(source="events", count=count, weight=weight))


auxiliary_events = Technique(
    name="auxiliary_events",
    part="data",
    summary="Other events of the log as further labels, during training only.",
    space={"count": Int(1, 4), "weight": Float(0.01, 1.0, log=True)},
    meanings={
        "count": "other events that are learned",
        "weight": "of their mean loss, beside that of the model's events",
    },
    change=_auxiliary_events,
    source="Caruana, Multitask Learning, Machine Learning 28, 1997",
)


def _auxiliary_numerics(template: Template, *, count: int, weight: float) -> Template:
    return template.change(
        "data", auxiliary=Auxiliary(source="numeric", count=count, weight=weight)
    )


auxiliary_numerics = Technique(
    name="auxiliary_numerics",
    part="data",
    summary="The most important numeric features as labels instead of inputs. An alternative "
    "to auxiliary_events: the last one applied counts.",
    reads=("numeric",),
    space={"count": Int(1, 4), "weight": Float(0.001, 0.3, log=True)},
    meanings={
        "count": "numeric features that are learned",
        "weight": "of their mean squared error, beside the loss of the model's events",
    },
    change=_auxiliary_numerics,
    source="Caruana and de Sa, Promoting Poor Features to Supervisors, NIPS 1996",
)


def _negative_downsampling(template: Template, *, kept: float) -> Template:
    return template.change("data", negative_rate=kept)


negative_downsampling = Technique(
    name="negative_downsampling",
    part="data",
    summary="Trains on a share of the rows without an event, and recalibrates predictions.",
    space={"kept": Float(0.05, 1.0, log=True)},
    meanings={"kept": "share of the rows without an event that is kept"},
    change=_negative_downsampling,
    source="He et al., Practical Lessons, ADKDD 2014, Section 6 (doi:10.1145/2648584.2648589)",
)


def _recency_weights(template: Template, *, half_life: float) -> Template:
    return template.change("data", recency_half_life=half_life)


recency_weights = Technique(
    name="recency_weights",
    part="data",
    summary="Recent training rows weigh more than old ones.",
    space={"half_life": Float(0.5, 60.0, log=True)},
    meanings={"half_life": "days after which a row counts half"},
    change=_recency_weights,
    source="Koren, Collaborative Filtering with Temporal Dynamics, KDD 2009",
)


def _surface_balance(template: Template, *, balance: float) -> Template:
    return template.change("data", surface_balance=balance)


surface_balance = Technique(
    name="surface_balance",
    part="data",
    summary="Rows of small surfaces weigh more; logs without a surface stay as they are.",
    space={"balance": Float(0.05, 1.0)},
    meanings={"balance": "b in a row's weight s^-b on a surface with share s; 1 makes all equal"},
    change=_surface_balance,
    source="Arivazhagan et al. (arXiv:1907.05019): sampling with a temperature",
)


def _past_rates(template: Template, *, count: int, prior_count: float) -> Template:
    return template.change("data", past_rates=PastRates(count=count, prior_count=prior_count))


past_rates = Technique(
    name="past_rates",
    part="data",
    summary="How often events followed earlier rows with the same id, as numeric features.",
    reads=("id",),
    space={"count": Int(1, 8), "prior_count": Float(1.0, 1000.0, log=True)},
    meanings={
        "count": "most important ids whose rates are read",
        "prior_count": "rows of the base rate that every id's rate is shrunk by",
    },
    change=_past_rates,
    source="Prokhorenkova et al., CatBoost, NeurIPS 2018 (arXiv:1706.09516): ordered target "
    "statistics",
)


def _distillation(template: Template, *, weight: float) -> Template:
    teacher = Distillation(teacher=f"{template.paradigm}_large", version=1, weight=weight)
    return template.change("data", distillation=teacher)


distillation = Technique(
    name="distillation",
    part="data",
    summary="Learns from the predictions of the paradigm's large template (version 1) as well.",
    scales=("small", "medium"),
    space={"weight": Float(0.05, 0.95)},
    meanings={"weight": "share of the way that labels move to the teacher's predictions"},
    change=_distillation,
    source="Hinton et al. (arXiv:1503.02531); Anil et al., On the Factory Floor (arXiv:2209.05310)",
)
