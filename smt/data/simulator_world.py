"""Who lives in a simulated ads world: its users, its items and the traffic between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from smt.spec import Spec

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_704_067_200_000
"""The world begins on 1 January 2024, 00:00 UTC."""

SURFACES = ("feed", "stories", "search", "sidebar", "video")
REGIONS = ("north", "south", "east")
DEVICES = ("phone", "tablet", "desktop", "television")
LATENT_DIM = 8
TYPICAL_PRICE = float(np.exp(3.0))
"""The median of the items' prices."""


class SimulatorSpec(Spec):
    """The size of a simulated ads log, and its seed.

    Attributes:
        days: Length of the log; appeal and preferences drift over it.
        test_share: The last share of the rows, by time, that is the test window.
        history_length: Most steps of a user's history.
        label_noise: Share of outcomes that are a coin of the event's base rate instead.
        watch_time: Whether the log has `watch_time`, the seconds watched, as a value; all else is
            the same with it and without.
    """

    rows: int = Field(200_000, ge=100)
    seed: int = Field(0, ge=0)
    num_users: int = Field(5_000, ge=10)
    num_items: int = Field(2_000, ge=10)
    num_advertisers: PositiveInt = 150
    num_categories: PositiveInt = 24
    num_segments: PositiveInt = 12
    num_tags: int = Field(100, ge=10)
    days: PositiveInt = 14
    test_share: float = Field(0.2, gt=0, lt=1)
    history_length: int = Field(10, ge=1, le=10)
    label_noise: float = Field(0.02, ge=0, lt=1)
    # A log's digest holds it only where it is asked for.
    watch_time: bool = Field(False, exclude_if=lambda wanted: not wanted)


@dataclass(frozen=True)
class Users:
    """What is true of each of U users, whether or not a log shows it.

    Attributes:
        taste: `[U, LATENT_DIM]` latent preferences at the start; `later_taste` those that
            the user turns towards.
        traffic: `[U]` expected share of the impressions.
        budget: `[U]` in the currency of prices.
        peak_hour: `[U]` hour of the day when the user is most receptive.
        warmth: `[U]` tendency to react at all.
    """

    taste: Floats
    later_taste: Floats
    region: Integers
    segment: Integers
    device: Integers
    traffic: Floats
    age: Floats
    budget: Floats
    peak_hour: Floats
    warmth: Floats


@dataclass(frozen=True)
class Items:
    """What is true of each of I items, whether or not a log shows it.

    Attributes:
        content: `[I, LATENT_DIM]` latent vectors.
        price: `[I]` in the currency of budgets.
        duration: `[I]` seconds.
        created: `[I]` milliseconds since the epoch; not shown before.
        target_age: `[I]` age of the audience that the item speaks to.
        appeal, wave, period, phase: `[I]` appeal at a time is
            `appeal + wave * sin(2 pi days / period + phase)`.
        popularity: `[I]` log-weight in the traffic, beside the appeal.
    """

    content: Floats
    advertiser: Integers
    category: Integers
    price: Floats
    duration: Floats
    quality: Floats
    created: Integers
    target_age: Floats
    appeal: Floats
    wave: Floats
    period: Floats
    phase: Floats
    popularity: Floats

    def appeal_at(self, items: Integers, times: Integers) -> Floats:
        """Appeal of items (`[N]`) at times (`[N]` milliseconds): `[N]`."""
        days = (times - START_MS) / DAY_MS
        angle = 2 * np.pi * days / self.period[items] + self.phase[items]
        return self.appeal[items] + self.wave[items] * np.sin(angle)


@dataclass(frozen=True)
class Impressions:
    """N impressions in time order: who saw what, where, when and with what probability.

    Attributes:
        times: `[N]` milliseconds since the epoch, ascending.
        propensity: `[N]` probability that the surface showed this item at that time.
    """

    users: Integers
    items: Integers
    surfaces: Integers
    times: Integers
    propensity: Floats


def draw_users(spec: SimulatorSpec, rng: np.random.Generator) -> Users:
    """Draw the users; those of a segment have tastes in common."""
    count = spec.num_users
    segment = rng.integers(spec.num_segments, size=count)
    centers = rng.normal(size=(2, spec.num_segments, LATENT_DIM))
    own = rng.normal(size=(2, count, LATENT_DIM))
    taste, later_taste = 0.5 * centers[:, segment] + 0.85 * own
    weight = rng.gamma(0.8, size=count) + 0.02
    return Users(
        taste=taste,
        later_taste=later_taste,
        region=rng.choice(len(REGIONS), size=count, p=(0.5, 0.3, 0.2)),
        segment=segment,
        device=rng.choice(len(DEVICES), size=count, p=(0.6, 0.1, 0.2, 0.1)),
        traffic=weight / weight.sum(),
        age=np.clip(rng.normal(36, 13, size=count), 16, 85),
        budget=np.exp(rng.normal(3.0, 0.7, size=count)),
        peak_hour=rng.uniform(0, 24, size=count),
        warmth=rng.normal(size=count),
    )


def draw_items(spec: SimulatorSpec, rng: np.random.Generator) -> Items:
    """Draw the items; an advertiser sells in one category, whose items resemble each other."""
    count = spec.num_items
    advertiser = rng.integers(spec.num_advertisers, size=count)
    category = rng.integers(spec.num_categories, size=spec.num_advertisers)[advertiser]
    centers = rng.normal(size=(spec.num_categories, LATENT_DIM))
    ages = rng.uniform(20, 60, size=spec.num_categories)
    newest = START_MS + spec.days * DAY_MS // 2
    created = rng.integers(START_MS - 30 * DAY_MS, newest, size=count)
    created[:: max(count // 10, 1)] = START_MS - 30 * DAY_MS
    return Items(
        content=0.6 * centers[category] + 0.8 * rng.normal(size=(count, LATENT_DIM)),
        advertiser=advertiser,
        category=category,
        price=np.exp(rng.normal(np.log(TYPICAL_PRICE), 0.9, size=count)),
        duration=np.exp(rng.normal(3.2, 0.7, size=count)),
        quality=rng.beta(3, 2, size=count),
        created=created,
        target_age=ages[category],
        appeal=rng.normal(size=count),
        wave=0.7 * rng.normal(size=count),
        period=rng.uniform(5, 40, size=count),
        phase=rng.uniform(0, 2 * np.pi, size=count),
        popularity=0.9 * rng.normal(size=count),
    )


@dataclass(frozen=True)
class Traffic:
    """The logging policy: surfaces show popular items of the categories they favour.

    Attributes:
        surface_mix: `[regions, surfaces]` shares that add up to 1 per region.
        favour: `[surfaces, categories]` log-weights.
    """

    spec: SimulatorSpec
    users: Users
    items: Items
    surface_mix: Floats
    favour: Floats

    def draw(self, rows: int, rng: np.random.Generator) -> Impressions:
        """Draw `rows` impressions over all days."""
        times = np.sort(self._times(rows, rng))
        users = _choose(self.users.traffic, rng.random(rows))
        mixes = np.cumsum(self.surface_mix, axis=1)[self.users.region[users]]
        surfaces = np.sum(rng.random(rows)[:, None] > mixes[:, :-1], axis=1)
        items, propensity = self._items(surfaces, times, rng.random(rows))
        return Impressions(users, items, surfaces, times, propensity)

    def _times(self, rows: int, rng: np.random.Generator) -> Integers:
        hours = np.arange(24)
        busy = 1.2 + np.cos(2 * np.pi * (hours - 20) / 24)
        day = rng.integers(self.spec.days, size=rows)
        hour = _choose(busy / busy.sum(), rng.random(rows))
        return START_MS + day * DAY_MS + hour * HOUR_MS + rng.integers(HOUR_MS, size=rows)

    def _items(self, surfaces: Integers, times: Integers, draws: Floats) -> tuple[Integers, Floats]:
        """Items and their propensities; both change by the day and by surface."""
        days = (times - START_MS) // DAY_MS
        group = days * len(SURFACES) + surfaces
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], np.arange(self.spec.days * len(SURFACES) + 1))
        items, propensity = np.empty(len(times), np.int64), np.empty(len(times))
        for number in range(self.spec.days * len(SURFACES)):
            members = order[starts[number] : starts[number + 1]]
            shares = self._shares(*divmod(number, len(SURFACES)))
            items[members] = _choose(shares, draws[members])
            propensity[members] = shares[items[members]]
        return items, propensity

    def _shares(self, day: int, surface: int) -> Floats:
        start = START_MS + day * DAY_MS
        every = np.arange(self.spec.num_items)
        appeal = self.items.appeal_at(every, np.full(len(every), start))
        favour = self.favour[surface, self.items.category]
        weights = np.exp(self.items.popularity + 0.3 * appeal + favour)
        weights[self.items.created > start] = 0
        return np.asarray(weights / weights.sum())


def draw_traffic(
    spec: SimulatorSpec, users: Users, items: Items, rng: np.random.Generator
) -> Traffic:
    """Draw the logging policy of a world."""
    return Traffic(
        spec,
        users,
        items,
        surface_mix=rng.dirichlet(np.full(len(SURFACES), 8.0), size=len(REGIONS)),
        favour=0.8 * rng.normal(size=(len(SURFACES), spec.num_categories)),
    )


def _choose(shares: Floats, draws: Floats) -> Integers:
    """Turn uniform draws into indices with the given shares."""
    edges = np.cumsum(shares)
    return np.searchsorted(edges / edges[-1], draws, side="right")
