"""Versions that are trained at once are decided as if they were tried one after the other."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_generalization import made_result
from made_models import made_model

from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.fleet.budget import Growth
from smt.search.settings import Settings
from smt.template import Template
from smt.template.versions import RunRecord, Version
from smt.template_iteration import Candidate, Comparison, Integration, ModelComparison
from smt.template_iteration.candidate import StoredVersion
from smt.template_iteration.decide_versions import count_costs, decide_versions
from smt.template_iteration.decision import LeftOut
from smt.template_iteration.record import reason

SEEDS = (4, 5)
RUN = made_result(settings=Settings(alpha=0.05, epsilon=0.25, tau=0.05))
RECORD = RunRecord(
    fleet="shop", representatives=("a",), trials=3, seed=3, techniques={}, command="generalize.py"
)
NAMES = ("t0", "t1", "t2", "t3")


@dataclass(frozen=True)
class Budget:
    """Of a fleet whose growth is the sum of what templates' versions add to it, by their names."""

    added: dict[str, tuple[int, int]]
    capacity: float | str

    def growth(self, changed):
        # A model has the name of its template; a version without a technique costs nothing more.
        grown = {name for name, template in changed.items() if template.training.dense_rate == 0.5}
        flops, bytes_ = (sum(self.added[name][place] for name in grown) for place in (0, 1))
        return Growth(flops=flops, bytes=bytes_)


class Training:
    """A `SampleTraining` whose numbers are made, and which notes when it is asked for what."""

    def __init__(self, deltas):
        self.deltas = deltas
        self.noted = []

    def ask(self, candidate, name, template, kinds):
        self.noted.append(("asked", candidate.name, name))
        return candidate, name, [*kinds]

    def compare(self, asked):
        candidate, name, _ = asked
        self.noted.append(("compared", candidate.name, name))
        return compare(candidate, self.deltas[candidate.name][name])


def compare(candidate, delta):
    """All models of a candidate by so much better; `None` where the parent does not train."""
    if delta is None:
        raise InputError(f"'{candidate.name}' does not train under its parent")
    return Comparison(
        tuple(
            ModelComparison(
                model,
                tuple(evaluated(model.name, seed, None) for seed in SEEDS),
                tuple(evaluated(model.name, seed, delta) for seed in SEEDS),
            )
            for model in candidate.models
        ),
        SEEDS,
        candidate.settings,
    )


def evaluated(name, seed, delta):
    return Evaluation(
        name=f"{name}-{seed}",
        key="k",
        technique=None if delta is None else "backtest",
        trial=None,
        theta={},
        model=name,
        seed=seed,
        delta=delta,
        sem=0.01,
        ne=0.9,
        flops=10,
        bytes=40,
        judged_rows=10,
    )


def candidate_of(name):
    """A version of two techniques, of which `x` is what makes it dearer or cheaper."""
    parent = Template(name=name)
    version = parent.change("training", dense_rate=0.5)
    reduced = {"x": parent.change("training", dense_rate=0.25), "y": version}
    change = Integration(
        "runs/x",
        RUN.model_copy(update={"templates": {name: parent}}),
        name,
        Version(name=name, number=1, written="2026-01-31", template=parent),
        Version(name=name, number=2, parent=1, run=RECORD, written="2026-01-31", template=version),
        (),
        tuple(LeftOut(technique, template=template) for technique, template in reduced.items()),
    )
    models = (made_model(name),)
    return Candidate(change, models, models)


@pytest.fixture(autouse=True, scope="module")
def _no_networks():
    """Limits of models, for which networks are counted, are not what is tried here."""
    with pytest.MonkeyPatch.context() as patch:
        place = "smt.template_iteration.fleet_check"
        patch.setattr(f"{place}.CostCounter", lambda models: None)
        patch.setattr(f"{place}.FleetCheck._check", lambda *_: iter(()))
        yield


def decided(entries, budget, deltas):
    """Template -> what it came to, in the order in which they are decided; and the trainings."""
    training = Training(deltas)
    found = decide_versions(count_costs(entries, budget), training, SEEDS)
    return {candidate.name: outcome for candidate, outcome in found}, training.noted


def one_after_the_other(candidates, budget, deltas):
    """Template -> what it came to, where the next one is looked at once this one is decided."""
    kept, found = {}, {}
    for candidate in candidates:
        name = candidate.name
        growth = budget.growth({**kept, **candidate.changed})
        if growth.excess(budget.capacity) is not None:
            found[name] = (growth, "too dear", None, cheaper_without(candidate, budget, kept))
            continue
        try:
            whole = compare(candidate, deltas[name]["backtest"])
        except InputError as error:
            found[name] = str(error)
            continue
        if whole.kept:
            kept |= candidate.changed
            found[name] = (growth, "kept", whole.aggregate, {})
        else:
            dear = cheaper_without(candidate, budget, kept)
            without = {
                technique: "too dear"
                if dear[technique]
                else compare(candidate, deltas[name][f"without_{technique}"]).aggregate
                for technique in dear
            }
            found[name] = (growth, "not kept", whole.aggregate, without)
    return found


def cheaper_without(candidate, budget, kept):
    """Technique -> whether the fleet costs too much without it."""
    growths = {
        left.technique: budget.growth({**kept, **dict.fromkeys(candidate.changed, left.template)})
        for left in candidate.change.reduced
    }
    return {name: each.excess(budget.capacity) is not None for name, each in growths.items()}


def words(outcome):
    """The same of a decision of ours."""
    if isinstance(outcome, InputError):
        return str(outcome)
    if outcome.misfits:
        assert reason(outcome).startswith("serving the fleet would cost too much: its ")
        dear = {left.technique: bool(left.misfits) for left in outcome.left_out}
        return outcome.growth, "too dear", None, dear
    without = {
        left.technique: "too dear" if left.misfits else left.comparison.aggregate
        for left in outcome.left_out
    }
    verdict = "kept" if outcome.kept else "not kept"
    return outcome.growth, verdict, outcome.comparison.aggregate, without


PERCENT = st.integers(-6, 9)
DELTA = st.sampled_from([0.3, 0.1, 0.0, -0.2])
DELTAS = st.fixed_dictionaries(
    {"backtest": DELTA | st.none(), "without_x": DELTA, "without_y": DELTA}
)


@settings(max_examples=300)
@given(
    added=st.fixed_dictionaries({name: st.tuples(PERCENT, PERCENT) for name in NAMES}),
    capacity=st.sampled_from(["free", 0.0, 3.0, 5.0]),
    deltas=st.fixed_dictionaries(dict.fromkeys(NAMES, DELTAS)),
)
def test_decisions_are_those_of_templates_that_are_tried_one_after_the_other(
    added, capacity, deltas
):
    candidates, budget = [*map(candidate_of, NAMES)], Budget(added, capacity)
    found, noted = decided(candidates, budget, deltas)
    expected = one_after_the_other(candidates, budget, deltas)
    assert {name: words(outcome) for name, outcome in found.items()} == expected
    # All versions are trained at once, and then all that tells what the others are refused for.
    steps = [(step, name == "backtest") for step, _, name in noted]
    in_waves = [("asked", True), ("compared", True), ("asked", False), ("compared", False)]
    assert steps == sorted(steps, key=in_waves.index)


@settings(max_examples=100)
@given(
    added=st.fixed_dictionaries({name: st.tuples(PERCENT, PERCENT) for name in NAMES}),
    deltas=st.fixed_dictionaries(dict.fromkeys(NAMES, DELTAS)),
    stored=st.integers(0, len(NAMES)),
)
def test_versions_that_are_stored_before_count_as_if_they_were_decided_now(added, deltas, stored):
    candidates, budget = [*map(candidate_of, NAMES)], Budget(added, 5.0)
    whole, _ = decided(candidates, budget, deltas)
    entries = [
        StoredVersion(None, each.changed)
        if place < stored and not isinstance(whole[each.name], InputError) and whole[each.name].kept
        else each
        for place, each in enumerate(candidates)
    ]
    again, _ = decided(entries, budget, deltas)
    assert {*again} == {each.name for each in entries if isinstance(each, Candidate)}
    # Errors are equal where they say the same.
    assert {*map(repr, again.items())} == {repr((name, whole[name])) for name in again}


GOOD = {"backtest": 0.3, "without_x": 0.3, "without_y": 0.3}


def trained(entries, added, capacity=5.0):
    """Templates whose versions are trained, and those that are kept."""
    deltas = dict.fromkeys(NAMES, GOOD)
    found, noted = decided(entries, Budget(added, capacity), deltas)
    asked = [name for step, name, what in noted if (step, what) == ("asked", "backtest")]
    return asked, [name for name, outcome in found.items() if outcome.kept]


def test_a_version_that_is_too_dear_whatever_is_kept_beside_it_is_not_trained():
    first, second = candidate_of("t0"), candidate_of("t1")
    assert trained([first], {"t0": (9, 0)}) == ([], [])
    assert trained([first], {"t0": (9, 0)}, "free") == (["t0"], ["t0"])
    # One that saves makes room for it, where it comes before it.
    assert trained([first, second], {"t0": (-6, 0), "t1": (9, 0)}) == (["t0", "t1"], ["t0", "t1"])
    assert trained([first, second], {"t0": (9, 0), "t1": (-6, 0)}) == (["t1"], ["t1"])
    assert trained([first, second], {"t0": (0, -6), "t1": (9, 0)}) == (["t0"], ["t0"])


def test_what_was_trained_and_is_then_too_dear_keeps_its_evidence():
    candidates = [candidate_of("t0"), candidate_of("t1")]
    deltas = dict.fromkeys(NAMES, GOOD)
    found, _ = decided(candidates, Budget({"t0": (4, 0), "t1": (4, 0)}, 5.0), deltas)
    assert [*found] == ["t0", "t1"]
    dear = found["t1"]
    assert not dear.kept
    assert dear.comparison.kept
    assert reason(dear) == (
        "serving the fleet would cost too much: its FLOPs grow by 8.0%, 5% are neutral"
    )
    assert dear.blame.techniques == ("x",)


def test_a_parent_that_does_not_train_stops_its_own_template_alone():
    candidates = [candidate_of("t0"), candidate_of("t1")]
    deltas = {"t0": {**GOOD, "backtest": None}, "t1": GOOD}
    found, _ = decided(candidates, Budget({"t0": (0, 0), "t1": (0, 0)}, 5.0), deltas)
    assert str(found["t0"]) == "'t0' does not train under its parent"
    assert found["t1"].kept
