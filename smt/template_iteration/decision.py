"""What trying a version came to: kept or not, and which techniques are to blame where not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smt.fleet.budget import Growth
from smt.results.integration import Misfit
from smt.search.settings import Settings
from smt.template import Template
from smt.template_iteration.comparison import Comparison


@dataclass(frozen=True)
class LeftOut:
    """A version without one of its techniques, tried where the version is not kept.

    Attributes:
        technique: The one left out.
        comparison: With the parent; None where nothing was trained.
        misfits: What it cannot serve.
        failure: Why there is no version without the technique; None where there is.
        template: The version's, where there is one.
    """

    technique: str
    comparison: Comparison | None = None
    misfits: tuple[Misfit, ...] = ()
    failure: str | None = None
    template: Template | None = None


@dataclass(frozen=True)
class Blame:
    """Which techniques a version is not kept for.

    Attributes:
        techniques: Without any one of which it would be kept; where there is none, the one
            without which it is nearest to that; empty where it is no better without any.
        reason: In one sentence without its end.
    """

    techniques: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class VersionDecision:
    """What trying a version came to.

    Attributes:
        misfits: What it cannot serve, the fleet too where versions kept before it left too little
            of its capacity.
        comparison: The back-test; None where nothing was trained.
        left_out: Without each technique in turn; empty where the version is kept, or has only
            one technique.
        growth: Of what serving the whole fleet costs; None where nobody asked.
        only_exposes: Its networks are its parent's: there is nothing to compare.
    """

    seeds: tuple[int, ...]
    settings: Settings
    misfits: tuple[Misfit, ...]
    comparison: Comparison | None
    left_out: tuple[LeftOut, ...]
    growth: Growth | None = None
    only_exposes: bool = False

    @property
    def kept(self) -> bool:
        """Whether it serves every model that its parent serves, and helps, or saves unharmed."""
        if self.misfits:
            return False
        return self.only_exposes or (self.comparison is not None and self.comparison.kept)

    @property
    def blame(self) -> Blame | None:
        """None where nothing was left out."""
        if not self.left_out:
            return None
        if self.misfits or self.comparison is None:
            return _blame_misfits(self.misfits, self.left_out)
        return _blame_deltas(self.comparison, self.left_out)


def _blame_misfits(misfits: Sequence[Misfit], left_out: Sequence[LeftOut]) -> Blame:
    possible = [without for without in left_out if without.failure is None]
    enough = tuple(without.technique for without in possible if not without.misfits)
    if enough:
        return Blame(enough, f"without {' or '.join(enough)} every model could be served")
    least = min(possible, key=lambda without: _severity(without.misfits), default=None)
    if least is None or _severity(least.misfits) >= _severity(misfits):
        return Blame((), "no technique alone is to blame: leaving one out mends nothing")
    change = (
        f"the fewest limits are broken, {len(least.misfits)} and not {len(misfits)}"
        if len(least.misfits) < len(misfits)
        else f"limits are exceeded least, by {_excess(least.misfits):.1f}% at most and not by "
        f"{_excess(misfits):.1f}%"
    )
    reason = f"no technique alone is to blame; without {least.technique} {change}"
    return Blame((least.technique,), reason)


def _severity(misfits: Sequence[Misfit]) -> tuple[int, float]:
    return len(misfits), _excess(misfits)


def _excess(misfits: Sequence[Misfit]) -> float:
    """Percent by which the worst is above its limit; infinite without a network."""
    excesses = (math.inf if misfit.excess is None else misfit.excess for misfit in misfits)
    return max(excesses, default=0.0)


def _blame_deltas(whole: Comparison, left_out: Sequence[LeftOut]) -> Blame:
    trained = [
        (without.technique, without.comparison)
        for without in left_out
        if without.comparison is not None
    ]
    enough = tuple(technique for technique, without in trained if without.kept)
    if enough:
        return Blame(enough, f"without {' or '.join(enough)} the version would be kept")
    technique, best = max(trained, key=lambda pair: _merit(pair[1]), default=("", whole))
    if _merit(best) <= _merit(whole):
        return Blame((), "no technique alone is to blame: without any of them it is no better")
    return Blame(
        (technique,),
        f"no technique alone is to blame; without {technique} {_gain(whole, best)}",
    )


def _merit(comparison: Comparison) -> tuple[float, float, float]:
    """The larger, the nearer to being kept: by A, then R, then μ."""
    aggregate = comparison.aggregate
    mean = -math.inf if math.isnan(aggregate.mean) else aggregate.mean
    return aggregate.value, -aggregate.regression_rate, mean


def _gain(before: Comparison, after: Comparison) -> str:
    old, new = before.aggregate, after.aggregate
    if new.feasible:
        was = f"{old.value:+.3f}%" if old.feasible else "-inf"
        return f"A rises most, from {was} to {new.value:+.3f}%"
    if new.regression_rate < old.regression_rate:
        return f"R falls most, from {old.regression_rate:.3f} to {new.regression_rate:.3f}"
    if math.isnan(old.mean):
        return "no model fails, but too many regress"
    return f"μ rises most, from {old.mean:+.3f}% to {new.mean:+.3f}%"
