"""What a generalization leaves of one technique: its search, and the verdict on it."""

from typing import Literal

from smt.fleet.budget import Growth
from smt.results.savings import Savings
from smt.results.sensitivity import HyperparameterSensitivity
from smt.search.delta import Delta
from smt.search.recommend import Estimate
from smt.space import Theta
from smt.spec import Spec

Interval = tuple[float, float]
# Why a technique generalizes: quality rises, or serving costs less and quality does not fall.
Kind = Literal["gain", "saving"]
# Of a candidate: surely in T_G⁺, surely not, or more seeds are unlikely to bring it there; `open`
# only while seeds are drawn, and where another candidate generalizes first.
Decision = Literal["generalizes", "does not", "not worth more", "open"]


class ThetaRecord(Spec):
    """One θ on m models.

    Attributes:
        value: A, percent; None stands for -inf: the θ is not feasible.
        mean, mean_sem: μ and its standard error, percent; None where a model failed or was not
            evaluated, or a standard error is unknown.
        regression_rate: R, a share; of what was evaluated a lower bound.
        helped, neutral, regressed: How many models gained by over α, neither, or fell by over α
            or failed.
        deltas: model -> its delta, in the order of the run.
    """

    theta: Theta
    value: float | None
    mean: float | None
    mean_sem: float | None
    regression_rate: float
    helped: int
    neutral: int
    regressed: int
    deltas: dict[str, Delta]


class TrialRecord(ThetaRecord):
    """One θ of the search on the representative models.

    Attributes:
        skipped: Models that were not evaluated, because enough others had regressed.
        savings: Over the representatives; None where a model was not evaluated or failed.
        growth: Of what serving the whole fleet costs; None where θ could not be applied.
    """

    number: int
    skipped: int
    savings: Savings | None
    growth: Growth | None


class ShownTrial(TrialRecord):
    """The numbers that the verdict on a technique rests on.

    Attributes:
        number: Of the trial: θ* where a trial was feasible, else the nearest to it.
        source: Where all but `number`, `skipped`, `savings` and `growth` were measured.
        interval: Of μ, 95%, percent; None where unknown.
        feasible_probability: P(R <= ε); None where unknown.
    """

    source: Literal["search", "fresh seeds"]
    interval: Interval | None
    feasible_probability: float | None


class Replication(ThetaRecord):
    """One θ of the search again, over S seeds that the search had not used.

    Attributes:
        trial: The number that it had in the search.
        deltas: model -> mean over the seeds, with the standard error over rows and seeds.
        by_seed: model -> delta, a seed each.
        interval: Of μ, 95%, percent; None where unknown.
        lower, upper: One-sided bounds of μ, percent, 95% at every look; None where unknown.
        feasible_probability: P(R <= ε).
        decision: What that makes of it.
        kind: Why it generalizes; None where it does not.
    """

    trial: int
    seeds: tuple[int, ...]
    by_seed: tuple[dict[str, Delta], ...]
    interval: Interval | None
    lower: float | None
    upper: float | None
    feasible_probability: float
    decision: Decision
    kind: Kind | None

    @property
    def evaluations(self) -> int:
        """How many networks were trained for it, those that failed included."""
        return len(self.seeds) * len(self.deltas)


class HoldoutRecord(Replication):
    """θ* on models outside the representatives: whether the technique passes, and why."""

    passes: bool
    reason: str


class TechniqueRecord(Spec):
    """One technique's search, and the verdict on it.

    Attributes:
        kind: Of its generalizing; None where it does not.
        reason: Why it generalizes or not.
        feasible: Whether a trial of the search was.
        stopped: Why the search ended early; None where it did not.
        paper: Number of the search's trial of the largest A; None where none was feasible.
        paper_generalizes: What Algorithm 1 says by the search alone.
        estimate: Of θ* of the search; None without a surrogate.
        confirmation: The search's best, again on fresh seeds, the most promising first.
        holdout: None where the technique was not tried there.
        sensitivity: hyperparameter -> what the trials say of it.
    """

    name: str
    source: str
    generalizes: bool
    kind: Kind | None
    reason: str
    feasible: bool
    stopped: str | None
    paper: int | None
    paper_generalizes: bool
    estimate: Estimate | None
    shown: ShownTrial
    confirmation: tuple[Replication, ...]
    holdout: HoldoutRecord | None
    sensitivity: dict[str, HyperparameterSensitivity]
    trials: tuple[TrialRecord, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The representatives on which it was searched: those that it may change."""
        return tuple(self.shown.deltas)

    @property
    def shown_trial(self) -> TrialRecord:
        """The search's trial that stands for the technique."""
        return self.trial(self.shown.number)

    @property
    def shown_candidate(self) -> Replication | None:
        """The candidate that the verdict rests on; None where it rests on the search."""
        return next((c for c in self.confirmation if c.trial == self.shown.number), None)

    def trial(self, number: int) -> TrialRecord:
        """The search's trial of that number."""
        return next(trial for trial in self.trials if trial.number == number)
