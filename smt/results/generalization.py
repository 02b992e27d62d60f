"""What a run left in its folder, as the report uses it."""

from dataclasses import dataclass
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """One representative model in one trial.

    Attributes:
        delta, sem: Percent; None where it failed or was not evaluated.
        failure: Why it failed; None where it did not.
    """

    model: str
    delta: float | None
    sem: float | None
    ne: float | None
    failure: str | None


@dataclass(frozen=True)
class Trial:
    """One θ on the representative models.

    Attributes:
        value: A, percent; None stands for -inf.
        mean, mean_sem: μ and its standard error, percent; None where a model failed or was
            not evaluated.
        regression_rate: R, a share; of what was evaluated a lower bound.
        skipped: Models that were not evaluated, because enough others had regressed.
        cells: One a representative, in their order.
    """

    number: int
    theta: dict[str, Any]
    value: float | None
    mean: float | None
    mean_sem: float | None
    regression_rate: float
    helped: int
    neutral: int
    regressed: int
    skipped: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ModelOverSeeds:
    """One model with one θ over several seeds.

    Attributes:
        delta: Mean over the seeds, percent; None where one failed.
        sem: Its standard error over rows and seeds, percent; None where unknown.
        by_seed: S deltas, percent; None where that seed failed.
    """

    model: str
    delta: float | None
    sem: float | None
    by_seed: tuple[float | None, ...]


@dataclass(frozen=True)
class Measured:
    """One θ on m models over S seeds that the search had not used.

    Attributes:
        value: A, percent; None stands for -inf.
        mean, mean_sem: μ and its standard error, percent; None where unknown.
        interval: Of μ, 95%, percent; None where unknown.
        lower: One-sided lower bound of μ, percent; None where unknown.
        regression_rate: R, a share.
        feasible_probability: P(R <= ε).
        models: m models, in the order of the run.
    """

    theta: dict[str, Any]
    seeds: tuple[int, ...]
    value: float | None
    mean: float | None
    mean_sem: float | None
    interval: Interval | None
    lower: float | None
    regression_rate: float
    feasible_probability: float
    helped: int
    neutral: int
    regressed: int
    models: tuple[ModelOverSeeds, ...]


@dataclass(frozen=True)
class Candidate(Measured):
    """A θ of the search, again on fresh seeds; `trial` is the number that it had there."""

    trial: int


@dataclass(frozen=True)
class Holdout(Measured):
    """θ* on models outside the representatives, and whether the technique passes."""

    passes: bool
    reason: str


@dataclass(frozen=True)
class Shown:
    """The numbers that the verdict on a technique rests on.

    Attributes:
        number: Of the trial: θ* where a trial was feasible, else the nearest to it.
        value, mean, mean_sem, regression_rate: As in `Trial`.
        interval: Of μ, 95%, percent; None where unknown.
        feasible_probability: P(R <= ε); None where unknown.
        source: "search", or "fresh seeds" where the trial was measured again.
    """

    number: int
    theta: dict[str, Any]
    value: float | None
    mean: float | None
    mean_sem: float | None
    interval: Interval | None
    regression_rate: float
    feasible_probability: float | None
    helped: int
    neutral: int
    regressed: int
    skipped: int
    source: str


@dataclass(frozen=True)
class Sensitivity:
    """What the feasible trials say of one hyperparameter; see `smt.mmo.sensitivity.sensitivity`.

    Attributes:
        beta: Change of μ across the domain, percent; None where unknown.
        interval: Of `beta`; None where unknown.
        sigma2: Variance of the models' own β, percent²; None where unknown.
        model_betas: The models' own, in the order of the representatives; empty where unknown.
        effects: Of a Choice: {"value", "effect"} of every value tried, percent.
        decision: "standardize", "expose" or "undecided".
        domain: To expose; a domain as `smt.space` writes it.
    """

    hyperparameter: str
    beta: float | None
    interval: Interval | None
    sigma2: float | None
    model_betas: tuple[float | None, ...]
    effects: tuple[dict[str, Any], ...]
    decision: str
    reason: str
    domain: dict[str, Any] | None
    default: Any


@dataclass(frozen=True)
class Technique:
    """One technique's search, and the verdict on it.

    Attributes:
        reason: Why it generalizes or not.
        feasible: Whether a trial of the search was.
        paper: Number of the search's trial of the largest A; None where none was feasible.
        paper_generalizes: What Algorithm 1 says by the search alone.
        stopped: Why the search ended early; None where it did not.
        confirmation: The search's best, again on fresh seeds.
        holdout: None where the technique was not tried there.
    """

    name: str
    source: str
    generalizes: bool
    reason: str
    feasible: bool
    shown: Shown
    paper: int | None
    paper_generalizes: bool
    stopped: str | None
    trials: tuple[Trial, ...]
    confirmation: tuple[Candidate, ...]
    holdout: Holdout | None
    sensitivity: tuple[Sensitivity, ...]

    @property
    def shown_trial(self) -> Trial:
        """The search's trial that stands for the technique."""
        return self.trial(self.shown.number)

    @property
    def shown_candidate(self) -> Candidate | None:
        """The candidate that the verdict rests on; None where it rests on the search."""
        return next((c for c in self.confirmation if c.trial == self.shown.number), None)

    def trial(self, number: int) -> Trial:
        """The search's trial of that number."""
        return next(trial for trial in self.trials if trial.number == number)


@dataclass(frozen=True)
class Representative:
    """A representative model with its baseline; `weight` is its share of all weights."""

    model: str
    weight: float
    ne: float
    flops: int
    train_rows: int
    test_rows: int


@dataclass(frozen=True)
class Model:
    """A model of the fleet: attributes, cluster, and place on two principal axes."""

    model: str
    stage: str
    inference_flops: int
    inference_hardware: str
    event: str
    surface: str
    data_constraint: str
    weight: float
    cluster: int
    x: float
    y: float
    representative: bool


@dataclass(frozen=True)
class ShortWindow:
    """A model whose test rows are too few to tell a change of α.

    Attributes:
        rows, needed: Test rows, and how many would do.
        sem: Standard error of its Δ, percent.
    """

    model: str
    rows: int
    needed: int
    sem: float


@dataclass(frozen=True)
class Failure:
    """An evaluation that failed; `technique` and `trial` are None for a baseline."""

    technique: str | None
    trial: int | None
    seed: int
    model: str
    reason: str


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        settings: α, ε, τ, method, trials, seed and whatever else the run was set to.
        inertias: k -> k-means inertia.
        silhouettes: k -> mean silhouette.
        evaluations: How many networks the tables hold, baselines included.
        holdout_models: Names of M_H; empty where there is none.
    """

    fleet: str
    template: str
    settings: dict[str, Any]
    inertias: dict[int, float]
    silhouettes: dict[int, float]
    evaluations: int
    representatives: tuple[Representative, ...]
    holdout_models: tuple[str, ...]
    short_windows: tuple[ShortWindow, ...]
    techniques: tuple[Technique, ...]
    models: tuple[Model, ...]
    failures: tuple[Failure, ...]
