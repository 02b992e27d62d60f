"""A run made without training anything; decided and saved by the code that does so for real."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from smt.execution.evaluation import Evaluation
from smt.execution.ledger import Ledger
from smt.fleet import Fleet, ModelSpec, Representatives
from smt.fleet.budget import Growth
from smt.mmo.generalization import Generalization
from smt.mmo.record import save
from smt.mmo.technique_search import Searched, to_trial
from smt.mmo.verdict.conclusion import conclude
from smt.results.savings import Savings
from smt.search.settings import Settings
from smt.search.trial import Trial
from smt.spec import digest
from smt.storage import Folder
from smt.template import Choice, Float, Technique, Theta, find_fleet_templates

BYTES = 200_000
GROWTH = Growth(flops=3.14, bytes=-0.26)
SPACE = {"rate": Float(0, 1), "form": Choice(["all", "each"])}


@dataclass(frozen=True)
class Plan:
    """What a made technique does, percent.

    Attributes:
        centre, spread: Of Δ over models and trials.
        luck: What the search's seed adds to Δ, and fresh seeds do not.
        outside: What Δ is lower by on holdout models.
        slope: What Δ gains from one end of `rate` to the other.
        saved: Share of bytes.
        broken: (trial, model) that fail; None in place of a name is all models.
    """

    centre: float
    spread: float
    luck: float = 0.0
    outside: float = 0.0
    slope: float = 0.0
    saved: float = 0.0
    broken: frozenset[tuple[int, str | None]] = frozenset()


@dataclass(frozen=True)
class MadeRun:
    """Stands for the networks of a run: what every evaluation comes to."""

    settings: Settings
    models: tuple[ModelSpec, ...]
    holdout: tuple[ModelSpec, ...]
    plans: Mapping[str, Plan]
    folder: Folder
    judged_rows: int = 12000
    baselines: dict[tuple[str, int], Evaluation] = field(default_factory=dict)
    earlier: Mapping[str, Sequence[Trial]] = field(default_factory=dict)

    @property
    def display(self) -> "MadeRun":
        return self

    def measuring(self, *announced: object) -> None:
        """Nobody watches."""

    def trainable(self, models: Sequence[ModelSpec], seeds: Sequence[int]) -> tuple[ModelSpec, ...]:
        for model in models:
            for seed in seeds:
                self.baseline(model, seed)
        return tuple(models)

    def replicate(
        self,
        technique: Technique,
        number: int,
        theta: Theta,
        models: Sequence[ModelSpec],
        seeds: Sequence[int],
    ) -> tuple[Trial, ...]:
        trials = []
        for seed in seeds:
            found = [self.evaluate(technique.name, number, theta, m, seed) for m in models]
            for evaluation in found:
                Ledger(self.folder, self.folder).record(evaluation)
            trials.append(to_trial(theta, found, models, self.settings))
        return tuple(trials)

    def baseline(self, model: ModelSpec, seed: int) -> Evaluation:
        measured = {"ne": 0.9, "judged_rows": self.judged_rows, "bytes": BYTES}
        made = _evaluation(model, None, None, {}, seed, **measured)
        return self.baselines.setdefault((model.name, seed), made)

    def evaluate(
        self, technique: str, number: int, theta: Theta, model: ModelSpec, seed: int
    ) -> Evaluation:
        plan = self.plans[technique]
        if {(number, model.name), (number, None)} & plan.broken:
            failure = "ValueError: loss < 0 & <nan>"
            return _evaluation(model, technique, number, theta, seed, failure=failure)
        of_model = random.Random(f"{technique}{model.name}").gauss(0, plan.spread)
        of_seed = random.Random(f"{technique}{number}{model.name}{seed}").gauss(0, plan.spread / 2)
        delta = plan.centre + of_model + of_seed + plan.slope * (theta["rate"] - 0.5)
        delta += plan.luck if seed == self.settings.seed else 0.0
        delta -= plan.outside if model in self.holdout else 0.0
        sem = 0.02 + 0.1 * random.Random(model.name).random() ** 3
        measured = {"delta": delta, "sem": sem, "ne": 0.9 - delta, "judged_rows": self.judged_rows}
        measured["bytes"] = round(BYTES * (1 - plan.saved))
        return _evaluation(model, technique, number, theta, seed, **measured)

    def search(self, name: str) -> Searched:
        draw = random.Random(name)
        trials: list[Trial] = []
        for number in range(self.settings.trials):
            theta = {"rate": draw.uniform(0, 1), "form": draw.choice(["all", "each"])}
            made = Technique(name, "training", SPACE, _unchanged, f"source of {name}")
            trials += self.replicate(made, number, theta, self.models, [self.settings.seed])
        growths = dict.fromkeys(range(self.settings.trials), GROWTH)
        return Searched(tuple(trials), None, self._savings(name), growths)

    def _savings(self, name: str) -> dict[int, Savings]:
        """Of trials on all models without a failure."""
        saved = Savings(flops=0.0, bytes=self.plans[name].saved)
        failing = {number for number, _ in self.plans[name].broken}
        return {n: saved for n in range(self.settings.trials) if n not in failing}


def make_run(
    folder: Folder,
    fleet: Fleet,
    settings: Settings,
    plans: Mapping[str, Plan],
    *,
    representatives: int,
    holdout: int,
    judged_rows: int = 12000,
    untried: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Save a run of these techniques; the fleet's first models represent it, the next are M_H."""
    chosen = Representatives(
        models=fleet.models[:representatives],
        clusters=np.arange(len(fleet.models)) % representatives,
        distances=np.ones(len(fleet.models)),
        inertias={k: 20.0 / k for k in range(1, representatives + 4)},
        silhouettes={k: 1 / k for k in range(2, representatives + 4)},
        coordinates=np.array([[i % 3, i % 2] for i in range(len(fleet.models))], dtype=float),
    )
    outside = fleet.models[representatives : representatives + holdout]
    run = MadeRun(settings, chosen.models, outside, plans, folder, judged_rows)
    baselines = {model.name: run.baseline(model, settings.seed) for model in chosen.models}
    results = [
        conclude(
            Technique(name, "training", SPACE, _unchanged, f"source of {name}"),
            run.search(name),
            run,
            outside,
        )
        for name in plans
    ]
    others = [made for made in run.baselines.values() if made.model not in baselines]
    save(
        Generalization(
            fleet=fleet,
            templates=find_fleet_templates(fleet, "sparsenn_small"),
            settings=settings,
            representatives=chosen,
            holdout=outside,
            baselines=baselines,
            other_baselines=tuple(others),
            results=tuple(results),
            untried=dict(untried),
        ),
        folder,
    )


def made_model(index: int, name: str | None = None) -> ModelSpec:
    return ModelSpec(
        name=name or f"click/surface{index}/ranking",
        stage=("retrieval", "pre_ranking", "ranking")[index % 3],
        events=("click",),
        surface=f"surface{index}",
        data_constraint="full",
        log="log",
        features=("user",),
        weight=1.0 + index,
        inference_flops=1000 * (index + 1),
    )


def _evaluation(
    model: ModelSpec,
    technique: str | None,
    trial: int | None,
    theta: Theta,
    seed: int,
    failure: str | None = None,
    **measured: float,
) -> Evaluation:
    key = digest([model.name, seed])
    name = f"baseline/{key}" if technique is None else f"{technique}/{trial:04d}-{key}"
    sizes = {} if failure else {"flops": 45440, "train_rows": 48000}
    return Evaluation(
        name=name,
        key=key,
        technique=technique,
        trial=trial,
        theta=theta,
        model=model.name,
        seed=seed,
        failure=failure,
        **sizes,
        **measured,
    )


def _unchanged(template: object, **theta: object) -> object:
    return template
