"""From a technique's finished search to the verdict on it (Algorithm 1, lines 15 to 19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from smt.fleet import ModelSpec
from smt.fleet.budget import Growth
from smt.mmo.technique_search import Searched, TechniqueSearch
from smt.mmo.verdict.confirmation import candidates, choose_confirmed, explain, measure, value_of
from smt.mmo.verdict.fresh_seeds import measure_until_known
from smt.mmo.verdict.holdout import explain_holdout, holds
from smt.results.savings import Savings
from smt.results.technique import HoldoutRecord, Kind, Replication
from smt.search.goal import Goal
from smt.search.propose import judge
from smt.search.recommend import Estimate, best_trial, choose
from smt.search.state import SearchState
from smt.search.trial import Trial
from smt.template import Technique, Theta


@dataclass(frozen=True)
class Verdict:
    """Whether a technique is in T_G⁺.

    Attributes:
        number: Of the trial whose θ the verdict rests on; None where no θ was worth it.
        kind: Why it is; None where it is not.
        reason: Why, or why not.
        confirmation: The candidates on fresh seeds, the most promising first.
        holdout: The θ on the models outside the representatives whose baselines train; None where
            it was not tried there.
    """

    number: int | None
    kind: Kind | None
    reason: str
    confirmation: tuple[Replication, ...] = ()
    holdout: HoldoutRecord | None = None

    @property
    def generalizes(self) -> bool:
        """Whether it is."""
        return self.kind is not None


@dataclass(frozen=True)
class TechniqueResult:
    """What the search of one technique found, and what was made of it.

    Attributes:
        models: The representatives on which it was searched, in the order of its deltas.
        estimate: What the surrogate thinks of θ* of the search; None without a surrogate.
        paper: Arg max of A (Eq. 5).
        stopped: Why the search ended early; None where it did not.
        savings: Number of a trial -> what it saves, where that is known.
        growths: Number of a trial -> by how much it makes serving the whole fleet dearer.
    """

    technique: Technique
    models: tuple[ModelSpec, ...]
    trials: tuple[Trial, ...]
    estimate: Estimate | None
    paper: Trial | None
    stopped: str | None
    verdict: Verdict
    savings: Mapping[int, Savings] = field(default_factory=dict)
    growths: Mapping[int, Growth | None] = field(default_factory=dict)

    @property
    def theta(self) -> Theta | None:
        """θ* of a technique that generalizes; None of others."""
        if not self.verdict.generalizes or self.verdict.number is None:
            return None
        return self.trials[self.verdict.number].theta


def conclude(
    technique: Technique, searched: Searched, search: TechniqueSearch, holdout: Sequence[ModelSpec]
) -> TechniqueResult:
    """Confirm the best of a search on fresh seeds, then on the holdout.

    Args:
        holdout: Models that must confirm it too; none where empty.
    """
    settings = search.settings
    goal = settings.goal(search.models)
    trials = searched.trials
    earlier = search.earlier.get(technique.name, ())
    state = SearchState(technique.space, goal, trials, seed=settings.seed, earlier=earlier)
    estimates = judge(state, settings.method)
    best, estimate = choose(trials, estimates, goal.shares)
    paper = best_trial(trials)
    savers = {n: saved for n, saved in searched.savings.items() if saved.reach(settings.saving)}
    numbers = candidates(trials, estimates, goal, count=settings.candidates, savers=savers)
    if numbers and not settings.paper_exact:
        verdict = _confirm(technique, trials, numbers, search, savers)
    else:
        rests_on = paper if settings.paper_exact else best or paper
        verdict = judge_search(trials, rests_on, goal)
        if verdict.generalizes and best is None and not settings.paper_exact:
            doubt = f"{verdict.reason}, but the surrogate's estimate is far from that"
            verdict = replace(verdict, kind=None, reason=doubt)
    if verdict.generalizes and holdout:
        verdict = _try_holdout(technique, trials, verdict, search, holdout)
    return TechniqueResult(
        technique=technique,
        models=search.models,
        trials=trials,
        estimate=estimate,
        paper=paper,
        stopped=searched.stopped,
        verdict=verdict,
        savings=searched.savings,
        growths=searched.growths,
    )


def judge_search(trials: Sequence[Trial], best: Trial | None, goal: Goal) -> Verdict:
    """The verdict of a search alone: whether A of its best θ reaches τ."""
    if best is None:
        return Verdict(None, None, "no θ was feasible")
    number = number_of(best, trials)
    value = best.aggregate.value
    relation = "reaches" if value >= goal.tau else "is below"
    reason = f"A = {value:+.3f}% {relation} τ = {goal.tau:g}%"
    return Verdict(number, "gain" if value >= goal.tau else None, reason)


def number_of(trial: Trial, trials: Sequence[Trial]) -> int:
    """Of one of a search's trials."""
    return next(number for number, tried in enumerate(trials) if tried is trial)


def _confirm(
    technique: Technique,
    trials: Sequence[Trial],
    numbers: Sequence[int],
    search: TechniqueSearch,
    savers: Mapping[int, Savings],
) -> Verdict:
    """The verdict of fresh seeds on the trials of these numbers."""
    settings = search.settings
    goal = settings.goal(search.models)

    def replicate(places: Sequence[int], seeds: Sequence[int]) -> list[tuple[Trial, ...]]:
        more = "1 fresh seed" if len(seeds) == 1 else f"{len(seeds)} fresh seeds"
        search.display.measuring(
            technique.name,
            f"{len(places)} of its θ again on {more}",
            len(places) * len(seeds) * len(search.models),
        )
        tried = [(numbers[place], trials[numbers[place]].theta) for place in places]
        return [
            search.replicate(technique, number, theta, search.models, seeds)
            for number, theta in tried
        ]

    measured = measure_until_known(
        [(number, trials[number].theta) for number in numbers],
        replicate,
        settings.measured_seeds,
        goal,
        [model.name for model in search.models],
        savers,
    )
    shown = choose_confirmed(measured, savers) or max(measured, key=value_of)
    reason = explain(shown, goal, settings.fresh_seeds, savers.get(shown.trial))
    return Verdict(shown.trial, shown.kind, reason, confirmation=measured)


def _try_holdout(
    technique: Technique,
    trials: Sequence[Trial],
    verdict: Verdict,
    search: TechniqueSearch,
    holdout: Sequence[ModelSpec],
) -> Verdict:
    """The verdict after the holdout, which may take a technique out.

    On as many seeds as decided the candidate that it rests on.
    """
    assert verdict.number is not None
    assert verdict.kind is not None
    by_trial = {candidate.trial: candidate.seeds for candidate in verdict.confirmation}
    seeds = by_trial.get(verdict.number, search.settings.measured_seeds)
    models = search.trainable(holdout, seeds)
    if not models:
        return replace(verdict, reason=f"{verdict.reason}; no holdout model trains at all")
    goal = search.settings.goal(models)
    theta = trials[verdict.number].theta
    search.display.measuring(
        technique.name, f"on {len(models)} holdout models", len(seeds) * len(models)
    )
    again = search.replicate(technique, verdict.number, theta, models, seeds)
    names = [model.name for model in models]
    (measured,) = measure([(verdict.number, theta, again)], seeds, goal, names)
    passes = holds(measured, goal, verdict.kind)
    why = explain_holdout(measured, goal, verdict.kind)
    outcome = "holds on the holdout" if passes else "taken out by the holdout"
    reason = f"{verdict.reason}; {outcome}: {why}"
    record = HoldoutRecord(**dict(measured), passes=passes, reason=why)
    kind = verdict.kind if passes else None
    return replace(verdict, kind=kind, reason=reason, holdout=record)
