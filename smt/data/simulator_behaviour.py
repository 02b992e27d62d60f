"""What makes a simulated user act: the true probability of every event."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from smt.data.simulator_world import (
    DAY_MS,
    DEVICES,
    HOUR_MS,
    LATENT_DIM,
    REGIONS,
    START_MS,
    SURFACES,
    Floats,
    Impressions,
    Integers,
    Items,
    SimulatorSpec,
    Users,
)

CHUNK_ROWS = 65_536
STRENGTH = 0.65
"""Scales all causes: how far from a coin of the base rate the outcomes are."""
TASTE_TURN = 0.8
"""Radians by which tastes turn over the log."""


@dataclass(frozen=True)
class EventTruth:
    """An event that can only follow its parent (None: any impression).

    `rate` is its share of all impressions; `loading` how strongly, and with which sign, it
    shares the causes of the other events.
    """

    name: str
    parent: str | None
    rate: float
    loading: float


EVENTS = (
    EventTruth("view", None, 0.40, 1.0),
    EventTruth("long_view", "view", 0.15, 1.0),
    EventTruth("click", "view", 0.10, 1.1),
    EventTruth("like", "view", 0.03, 1.0),
    EventTruth("conversion", "click", 0.012, 1.0),
    EventTruth("share", "view", 0.006, 1.0),
    EventTruth("hide", None, 0.003, -0.8),
)
EVENT_NAMES = tuple(event.name for event in EVENTS)
PARENTS = tuple(
    None if event.parent is None else EVENT_NAMES.index(event.parent) for event in EVENTS
)

DELAYED_EVENT = "conversion"
"""The event that may come days after the impression; the others come at once."""

CAUSES = {
    **{f"taste_{number}": 0.32 for number in range(LATENT_DIM)},
    "warmth": 0.35,
    "appeal": 0.35,
    "segment_category": 0.40,
    "segment_category_2": 0.40,
    "device_advertiser": 0.30,
    "hour_category": 0.30,
    "age_fit": 0.30,
    "too_expensive": 0.30,
    "attention": 0.20,
    "quality_for_regulars": 0.25,
    "novelty": 0.25,
    "rhythm": 0.20,
}
"""Every cause of an event and its typical weight; causes have mean 0 and deviation 1."""


@dataclass(frozen=True)
class Crosses:
    """Effects of pairs of ids that no sum of effects of the single ids makes."""

    segment_category: Floats
    segment_category_2: Floats
    device_advertiser: Floats
    hour_category: Floats


@dataclass(frozen=True)
class Weights:
    """How causes act. G groups are surface x region; F causes; E events.

    Attributes:
        base, drift: `[G, F, E]`; at a share tau of the log's days, weights are
            `base + tau * drift`.
        offset: `[G, E]` logits that a group adds.
    """

    base: Floats
    drift: Floats
    offset: Floats


@dataclass(frozen=True)
class Calibration:
    """What puts the base rates where `EVENTS` says: `[F]` center and scale, `[E]` intercept."""

    center: Floats
    scale: Floats
    intercept: Floats


@dataclass(frozen=True)
class Behaviour:
    """The ground truth: from an impression to the probability of each event."""

    spec: SimulatorSpec
    users: Users
    items: Items
    crosses: Crosses
    weights: Weights
    calibration: Calibration

    def conditional(
        self, users: Integers, items: Integers, surfaces: Integers, times: Integers
    ) -> Iterator[Floats]:
        """Probability of each label given that of its parent: chunks of `[n, E]`, in order."""
        for start in range(0, len(times), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            logits = self.logits(users[chunk], items[chunk], surfaces[chunk], times[chunk])
            yield self.blur(_sigmoid(logits), slice(None))

    def causes(self, users: Integers, items: Integers, times: Integers) -> Floats:
        """The raw causes, in the order of `CAUSES`: `[N, F]`."""
        who, what, crosses = self.users, self.items, self.crosses
        tau = self.tau(times)
        hour = (times % DAY_MS) / HOUR_MS
        turn = TASTE_TURN * tau[:, None]
        taste = who.taste[users] * np.cos(turn) + who.later_taste[users] * np.sin(turn)
        segment, category = who.segment[users], what.category[items]
        age_gap = (who.age[users] - what.target_age[items]) / 10
        over_budget = np.log(what.price[items] / who.budget[users])
        item_days = np.maximum(times - what.created[items], 0) / DAY_MS
        columns = [
            *(taste * what.content[items]).T,
            who.warmth[users],
            what.appeal_at(items, times),
            crosses.segment_category[segment, category],
            crosses.segment_category_2[segment, category],
            crosses.device_advertiser[who.device[users], what.advertiser[items]],
            crosses.hour_category[hour.astype(np.int64), category],
            np.exp(-np.square(age_gap)),
            -np.logaddexp(0, 2 * over_budget),
            -np.square(np.log(what.duration[items] / 25)),
            what.quality[items] * np.log(who.traffic[users] * len(who.traffic)),
            np.exp(-item_days / 6),
            np.cos(2 * np.pi * (hour - who.peak_hour[users]) / 24),
        ]
        return np.stack(columns, axis=1)

    def logits(
        self, users: Integers, items: Integers, surfaces: Integers, times: Integers
    ) -> Floats:
        """Logits of each event given its parent: `[N, E]`."""
        fit = self.calibration
        causes = (self.causes(users, items, times) - fit.center) / fit.scale
        tau = self.tau(times)[:, None]
        groups = surfaces * len(REGIONS) + self.users.region[users]
        result = np.empty((len(causes), len(EVENTS)))
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            now, drift = (
                causes[rows] @ weights[group] for weights in (self.weights.base, self.weights.drift)
            )
            result[rows] = now + tau[rows] * drift + self.weights.offset[group]
        return result + fit.intercept

    def tau(self, times: Integers) -> Floats:
        """Time as a share of the log's days: `[N]`."""
        return np.asarray((times - START_MS) / (self.spec.days * DAY_MS))

    def blur(self, probabilities: Floats, events: list[int] | slice) -> Floats:
        """Mix conditional probabilities of `events` with coins of the events' base rates."""
        noise = self.spec.label_noise
        return np.asarray((1 - noise) * probabilities + noise * CONDITIONAL_RATES[events])


CONDITIONAL_RATES = np.array(
    [
        event.rate / (1.0 if parent is None else EVENTS[parent].rate)
        for event, parent in zip(EVENTS, PARENTS, strict=True)
    ]
)


def marginal(conditional: Floats) -> Floats:
    """Unconditional probabilities from those given the parent; both `[N, E]`."""
    result = conditional.copy()
    for number, parent in enumerate(PARENTS):
        if parent is not None:
            result[:, number] *= result[:, parent]
    return result


def draw_behaviour(
    spec: SimulatorSpec,
    users: Users,
    items: Items,
    sample: Impressions,
    rng: np.random.Generator,
) -> Behaviour:
    """Draw how users act, calibrated so that `sample` has the base rates of `EVENTS`."""
    crosses = Crosses(
        segment_category=rng.normal(size=(spec.num_segments, spec.num_categories)),
        segment_category_2=rng.normal(size=(spec.num_segments, spec.num_categories)),
        device_advertiser=rng.normal(size=(len(DEVICES), spec.num_advertisers)),
        hour_category=rng.normal(size=(24, spec.num_categories)),
    )
    none = Calibration(np.zeros(len(CAUSES)), np.ones(len(CAUSES)), np.zeros(len(EVENTS)))
    raw = Behaviour(spec, users, items, crosses, _draw_weights(rng), none)
    causes = raw.causes(sample.users, sample.items, sample.times)
    scaled = replace(none, center=causes.mean(axis=0), scale=causes.std(axis=0) + 1e-9)
    standard = replace(raw, calibration=scaled)
    logits = standard.logits(sample.users, sample.items, sample.surfaces, sample.times)
    return replace(standard, calibration=replace(scaled, intercept=_intercepts(standard, logits)))


def _intercepts(behaviour: Behaviour, logits: Floats) -> Floats:
    """Bisect the intercept of one event after the other, parents first: `[E]`."""
    fitted, reached = np.zeros(len(EVENTS)), np.ones_like(logits)
    for number, (event, parent) in enumerate(zip(EVENTS, PARENTS, strict=True)):
        possible = np.ones(len(logits)) if parent is None else reached[:, parent]
        low, high = -30.0, 30.0
        for _ in range(50):
            middle = (low + high) / 2
            given = behaviour.blur(_sigmoid(logits[:, [number]] + middle), [number])[:, 0]
            low, high = (middle, high) if (possible * given).mean() < event.rate else (low, middle)
        fitted[number], reached[:, number] = middle, possible * given
    return fitted


def _draw_weights(rng: np.random.Generator) -> Weights:
    size = (len(CAUSES), len(EVENTS))
    typical = STRENGTH * np.array(list(CAUSES.values()))[:, None]
    loading = np.array([event.loading for event in EVENTS])
    event_own = 0.85 + 0.5 * rng.normal(size=size)
    by_surface = 0.6 * rng.normal(size=(len(SURFACES), 1, *size))
    by_region = 0.4 * rng.normal(size=(1, len(REGIONS), *size))
    drift = 0.5 * rng.normal(size=size)
    surface_offset = 0.6 * rng.normal(size=(len(SURFACES), 1, len(EVENTS)))
    region_offset = 0.35 * rng.normal(size=(1, len(REGIONS), len(EVENTS)))
    base = typical * loading * (event_own + by_surface + by_region)
    groups = len(SURFACES) * len(REGIONS)
    return Weights(
        base=base.reshape(groups, *size),
        drift=np.broadcast_to(typical * drift, (groups, *size)),
        offset=(surface_offset + region_offset).reshape(groups, len(EVENTS)),
    )


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)))
