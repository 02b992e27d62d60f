"""Techniques that change what is learned from: labels, weights and rows."""

from typing import Literal

from smt.space import Choice, Float, Int
from smt.template.data import Auxiliary, ConversionWindow, Distillation, PastRates
from smt.template.technique import technique
from smt.template.template import Template


@technique(
    part="data",
    smoothing=(Float(1e-4, 0.2, log=True), "share of the way to the base rate"),
    source="Szegedy et al. (arXiv:1512.00567), smoothed towards the base rate",
)
def label_smoothing(template: Template, *, smoothing: float) -> Template:
    """Training labels moved towards the base rate."""
    return template.change("data", label_smoothing=smoothing)


@technique(
    part="data",
    hours=(Float(1.0, 720.0, log=True), "length of the window, from the impression on"),
    correction=(
        Choice(["weighted", "drop", "none"]),
        "what becomes of rows whose window was still open at the end of training",
    ),
    source="Chapelle, Modeling Delayed Feedback, KDD 2014; Ktena et al. (arXiv:1907.06558)",
)
def conversion_window(
    template: Template, *, hours: float, correction: Literal["weighted", "drop", "none"]
) -> Template:
    """A delayed event counts if it comes within a window; models of events without a delay column
    stay as they are.
    """
    window = ConversionWindow(hours=hours, correction=correction)
    return template.change("data", conversion_window=window)


@technique(
    part="data",
    count=(Int(1, 4), "other events that are learned"),
    weight=(Float(0.01, 1.0, log=True), "of their mean loss, beside that of the model's events"),
    source="Caruana, Multitask Learning, Machine Learning 28, 1997",
)
def auxiliary_events(template: Template, *, count: int, weight: float) -> Template:
    """Other events of the log as further labels, during training only."""
    return template.change("data", auxiliary=Auxiliary(source="events", count=count, weight=weight))


@technique(
    part="data",
    count=(Int(1, 4), "numeric features that are learned"),
    weight=(
        Float(0.001, 0.3, log=True),
        "of their mean squared error, beside the loss of the model's events",
    ),
    source="Caruana and de Sa, Promoting Poor Features to Supervisors, NIPS 1996",
)
def auxiliary_numerics(template: Template, *, count: int, weight: float) -> Template:
    """The most important numeric features as labels instead of inputs. An alternative to
    auxiliary_events: the last one applied counts.
    """
    return template.change(
        "data", auxiliary=Auxiliary(source="numeric", count=count, weight=weight)
    )


@technique(
    part="data",
    kept=(Float(0.05, 1.0, log=True), "share of the rows without an event that is kept"),
    source="He et al., Practical Lessons, ADKDD 2014, Section 6 (doi:10.1145/2648584.2648589)",
)
def negative_downsampling(template: Template, *, kept: float) -> Template:
    """Trains on a share of the rows without an event, and recalibrates predictions."""
    return template.change("data", negative_rate=kept)


@technique(
    part="data",
    half_life=(Float(0.5, 60.0, log=True), "days after which a row counts half"),
    source="Koren, Collaborative Filtering with Temporal Dynamics, KDD 2009",
)
def recency_weights(template: Template, *, half_life: float) -> Template:
    """Recent training rows weigh more than old ones."""
    return template.change("data", recency_half_life=half_life)


@technique(
    part="data",
    balance=(
        Float(0.05, 1.0),
        "b in a row's weight s^-b on a surface with share s; 1 makes all equal",
    ),
    source="Arivazhagan et al. (arXiv:1907.05019): sampling with a temperature",
)
def surface_balance(template: Template, *, balance: float) -> Template:
    """Rows of small surfaces weigh more; logs without a surface stay as they are."""
    return template.change("data", surface_balance=balance)


@technique(
    part="data",
    reads=("id",),
    count=(Int(1, 8), "most important ids whose rates are read"),
    prior_count=(
        Float(1.0, 1000.0, log=True),
        "rows of the base rate that every id's rate is shrunk by",
    ),
    source="Prokhorenkova et al., CatBoost, NeurIPS 2018 (arXiv:1706.09516): ordered target "
    "statistics",
)
def past_rates(template: Template, *, count: int, prior_count: float) -> Template:
    """How often events followed earlier rows with the same id, as numeric features."""
    return template.change("data", past_rates=PastRates(count=count, prior_count=prior_count))


@technique(
    part="data",
    scales=("small", "medium"),
    weight=(Float(0.05, 0.95), "share of the way that labels move to the teacher's predictions"),
    source="Hinton et al. (arXiv:1503.02531); Anil et al., On the Factory Floor (arXiv:2209.05310)",
)
def distillation(template: Template, *, weight: float) -> Template:
    """Learns from the predictions of the paradigm's large template (version 1) as well."""
    teacher = Distillation(teacher=f"{template.paradigm}_large", version=1, weight=weight)
    return template.change("data", distillation=teacher)
