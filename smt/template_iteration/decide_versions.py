"""Decisions on versions that are trained together: each by its own evidence, in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from smt.errors import InputError
from smt.results.integration import Misfit
from smt.template import Template
from smt.template.serving_budget import ServingBudget
from smt.template_iteration.candidate import Candidate, StoredVersion
from smt.template_iteration.comparison import Comparison
from smt.template_iteration.decision import LeftOut, VersionDecision
from smt.template_iteration.fleet_check import FleetCheck
from smt.template_iteration.sample_training import AskedSample, SampleTraining

NAME = "backtest"

# What a candidate came to; an `InputError` where it does not train under its parent.
Outcome = tuple[Candidate, VersionDecision | InputError]


@dataclass(frozen=True)
class Counted:
    """A candidate, and what is known of it before anything is trained.

    Attributes:
        broken: Limits of models that it breaks.
        hopeless: Whether it cannot be kept, whatever is.
    """

    candidate: Candidate
    check: FleetCheck
    broken: tuple[Misfit, ...]
    hopeless: bool

    def decide(
        self, comparison: Comparison | None, beside: Mapping[str, Template], seeds: tuple[int, ...]
    ) -> VersionDecision:
        """Kept or not; nothing is left out yet.

        Args:
            beside: Model -> what it gets of versions that are kept before this one.
        """
        version = self.candidate.version
        misfits = (*self.broken, *self.check.dearer(version, beside))
        growth = self.check.growth(version, beside)
        return VersionDecision(
            seeds,
            self.candidate.settings,
            misfits,
            comparison,
            (),
            growth,
            only_exposes=self.candidate.only_exposes,
        )

    def leave_out(self, beside: Mapping[str, Template]) -> list[LeftOut]:
        """What is known of the version without each technique before it is trained."""
        return [
            without
            if without.template is None
            else replace(without, misfits=self.check.misfits(without.template, beside))
            for without in self.candidate.change.reduced
        ]


def count_costs(
    entries: Sequence[Candidate | StoredVersion], budget: ServingBudget | None
) -> list[Counted | StoredVersion]:
    """Count, for each candidate, what its fleet costs to serve, beside those before it too."""
    counted: list[Counted | StoredVersion] = []
    before: list[Mapping[str, Template]] = []
    for entry in entries:
        one = entry if isinstance(entry, StoredVersion) else _count(entry, before, budget)
        if isinstance(one, StoredVersion) or not one.hopeless:
            before.append(entry.changed)
        counted.append(one)
    return counted


def _count(
    candidate: Candidate, before: Sequence[Mapping[str, Template]], budget: ServingBudget | None
) -> Counted:
    # A version that only exposes has its parent's networks, which serve as fast.
    timed = set() if candidate.only_exposes else {model.name for model in candidate.models}
    check = FleetCheck(candidate.parent, candidate.fleet, timed=timed, budget=budget)
    broken = check.broken(candidate.version)
    hopeless = bool(broken) or check.always_dearer(candidate.version, before)
    return Counted(candidate, check, broken, hopeless)


def worth_training(counted: Sequence[Counted | StoredVersion]) -> list[Candidate]:
    """Those of the candidates that may be kept, and are to be compared for it."""
    return [
        one.candidate
        for one in counted
        if isinstance(one, Counted) and not (one.hopeless or one.candidate.only_exposes)
    ]


def decide_versions(
    counted: Sequence[Counted | StoredVersion],
    training: SampleTraining | None,
    seeds: tuple[int, ...],
) -> Iterator[Outcome]:
    """What each candidate came to, as if they were tried one after the other; the kept ones first.

    All that may be kept are trained at once, and so is, once these are decided, all that tells what
    the others are not kept for. Nothing is by then under way that would slow what is timed.

    Args:
        training: None where nothing is to be trained.
    """
    asked = {} if training is None else _ask_versions(counted, training)
    kept: dict[str, Template] = {}
    refused: list[_Refused] = []
    for one in counted:
        if isinstance(one, StoredVersion):
            kept |= one.changed
            continue
        candidate, found = one.candidate, asked.get(one.candidate.name)
        compared = None if training is None or found is None else _compare(training, found)
        comparison = compared if isinstance(compared, Comparison) else None
        decision = one.decide(comparison, kept, seeds)
        if isinstance(compared, InputError) and not decision.misfits:
            yield candidate, compared
        elif decision.kept:
            kept |= candidate.changed
            yield candidate, decision
        else:
            refused.append(_Refused(one, decision, dict(kept)))
    yield from _blame(refused, training)


@dataclass(frozen=True)
class _Refused:
    """A version that is not kept.

    Attributes:
        beside: Model -> what it gets of versions that are kept before this one.
    """

    counted: Counted
    decision: VersionDecision
    beside: dict[str, Template]

    @property
    def candidate(self) -> Candidate:
        """The version."""
        return self.counted.candidate


def _ask_versions(
    counted: Sequence[Counted | StoredVersion], training: SampleTraining
) -> dict[str, AskedSample]:
    """Template -> its version's trainings, of those that may be kept."""
    return {
        candidate.name: training.ask(
            candidate, NAME, candidate.version, candidate.change.kinds.values()
        )
        for candidate in worth_training(counted)
    }


def _compare(training: SampleTraining, asked: AskedSample) -> Comparison | InputError:
    try:
        return training.compare(asked)
    except InputError as error:
        return error


def _blame(refused: Sequence[_Refused], training: SampleTraining | None) -> Iterator[Outcome]:
    """The decisions, with what each version was worth without each of its techniques."""
    # All are counted before any is trained: latency is measured on a machine that rests.
    left_out = [one.counted.leave_out(one.beside) for one in refused]
    asked = [
        {}
        if training is None or one.decision.misfits
        else _ask_reduced(one.candidate, without, training)
        for one, without in zip(refused, left_out, strict=True)
    ]
    for one, without, trained in zip(refused, left_out, asked, strict=True):
        for place, sample in trained.items():
            assert training is not None
            without[place] = replace(without[place], comparison=training.compare(sample))
        yield one.candidate, replace(one.decision, left_out=tuple(without))


def _ask_reduced(
    candidate: Candidate, left_out: Sequence[LeftOut], training: SampleTraining
) -> dict[int, AskedSample]:
    """Place of a technique -> trainings of the version without it, where that can be served."""
    kinds, asked = candidate.change.kinds, {}
    for place, without in enumerate(left_out):
        if without.template is not None and not without.misfits:
            others = [kind for name, kind in kinds.items() if name != without.technique]
            name = f"without_{without.technique}"
            asked[place] = training.ask(candidate, name, without.template, others)
    return asked
