"""What a simulated log shows of its world: the schema and the columns of features."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from smt.data.columns import (
    DataConstraint,
    Embedding,
    Event,
    Id,
    IdList,
    Numeric,
    Propensity,
    Sequence,
    Surface,
    Timestamp,
)
from smt.data.history import past_rows
from smt.data.schema import Schema
from smt.data.simulator_behaviour import DELAYED_EVENT, EVENTS
from smt.data.simulator_values import WATCH_TIME
from smt.data.simulator_world import (
    DAY_MS,
    DEVICES,
    HOUR_MS,
    LATENT_DIM,
    REGIONS,
    SURFACES,
    Floats,
    Impressions,
    Integers,
    Items,
    SimulatorSpec,
    Users,
)

CONTENT_DIM = 16
HISTORY_EVENTS = ("view", "click", "conversion")
DELAY = f"{DELAYED_EVENT}_delay"


def truth_column(event: str) -> str:
    """The column of an event's true probability."""
    return f"{event}_truth"


def simulator_schema(spec: SimulatorSpec) -> Schema:
    """The schema of a simulated log."""
    return Schema(
        columns={
            "user": Id(num_ids=spec.num_users, cluster=True, side="user"),
            "item": Id(num_ids=spec.num_items, side="item"),
            "segment": Id(num_ids=spec.num_segments, side="user"),
            "device": Id(num_ids=len(DEVICES), side="user"),
            "advertiser": Id(num_ids=spec.num_advertisers, side="item"),
            "category": Id(num_ids=spec.num_categories, side="item"),
            "hour": Id(num_ids=24),
            "day_of_week": Id(num_ids=7),
            "user_age": Numeric(side="user"),
            "user_budget": Numeric(side="user"),
            "user_activity": Numeric(side="user"),
            "item_price": Numeric(side="item"),
            "item_duration": Numeric(side="item"),
            "item_quality": Numeric(side="item"),
            "item_age_days": Numeric(side="item"),
            "user_interests": IdList(num_ids=spec.num_tags, of="item_tags", side="user"),
            "item_tags": IdList(num_ids=spec.num_tags, side="item"),
            "item_content": Embedding(dim=CONTENT_DIM, side="item"),
            "history": Sequence(
                num_ids=spec.num_items,
                of="item",
                events="history_events",
                num_events=len(HISTORY_EVENTS) + 1,
                timestamps="history_times",
                side="user",
            ),
            "surface": Surface(num_ids=len(SURFACES), names=SURFACES),
            "region": DataConstraint(num_ids=len(REGIONS), names=REGIONS, side="user"),
            "time": Timestamp(),
            "propensity": Propensity(),
            **{
                event.name: Event(
                    after=event.parent,
                    delay=DELAY if event.name == DELAYED_EVENT else None,
                    truth=truth_column(event.name),
                )
                for event in EVENTS
            },
            **({"watch_time": WATCH_TIME} if spec.watch_time else {}),
        }
    )


@dataclass(frozen=True)
class Observation:
    """Features of the users and of the items: tables with one row per user and per item."""

    users: pa.Table
    items: pa.Table


def observe(
    spec: SimulatorSpec, users: Users, items: Items, rng: np.random.Generator
) -> Observation:
    """Draw what a log knows of users and items: imprecise, and in part missing."""
    tags = rng.normal(size=(spec.num_tags, LATENT_DIM))
    interests = _nearest(users.taste, tags, rng.integers(0, 7, size=spec.num_users), rng)
    item_tags = _nearest(items.content, tags, rng.integers(1, 6, size=spec.num_items), rng)
    projection = rng.normal(size=(LATENT_DIM, CONTENT_DIM)) / np.sqrt(LATENT_DIM)
    content = items.content @ projection + 0.3 * rng.normal(size=(spec.num_items, CONTENT_DIM))
    budget = users.budget * np.exp(0.2 * rng.normal(size=spec.num_users))
    seen = rng.poisson(users.traffic * 40 * spec.num_users)
    return Observation(
        users=pa.table(
            {
                "segment": users.segment,
                "device": users.device,
                "region": users.region,
                "user_age": _numeric(users.age, 0.1, rng),
                "user_budget": _numeric(budget, 0.2, rng),
                "user_activity": _numeric(seen.astype(float), 0.0, rng),
                "user_interests": interests,
            }
        ),
        items=pa.table(
            {
                "advertiser": items.advertiser,
                "category": items.category,
                "item_price": _numeric(items.price, 0.0, rng),
                "item_duration": _numeric(items.duration, 0.05, rng),
                "item_quality": _numeric(items.quality, 0.15, rng),
                "item_tags": item_tags,
                "item_content": pa.FixedSizeListArray.from_arrays(
                    pa.array(content.astype(np.float32).reshape(-1)), CONTENT_DIM
                ),
                "created": items.created,
            }
        ),
    )


def feature_columns(
    shown: Impressions,
    labels: dict[str, NDArray[np.int8]],
    seen: Observation,
    history_length: int,
) -> pa.Table:
    """Everything that the log holds of N impressions but the labels.

    `labels` (`[N]` each) make the history: earlier views, whose event code is the number of
    `HISTORY_EVENTS` that happened.
    """
    codes = np.stack([labels[event] for event in HISTORY_EVENTS]).sum(axis=0).astype(np.int64)
    past = past_rows(shown.users, shown.times, labels["view"] == 1, history_length)
    users, items = seen.users.take(shown.users), seen.items.take(shown.items)
    item_days = (shown.times - items["created"].to_numpy()) / DAY_MS
    return pa.table(
        {
            "user": shown.users,
            "item": shown.items,
            "surface": shown.surfaces,
            "time": shown.times,
            "propensity": shown.propensity.astype(np.float32),
            "hour": shown.times % DAY_MS // HOUR_MS,
            "day_of_week": (shown.times // DAY_MS + 3) % 7,
            "item_age_days": item_days.astype(np.float32),
            "history": past.lists(shown.items),
            "history_events": past.lists(codes),
            "history_times": past.lists(shown.times),
            **{name: users[name] for name in users.column_names},
            **{name: items[name] for name in items.column_names if name != "created"},
        }
    )


def _nearest(
    vectors: Floats, tags: Floats, lengths: Integers, rng: np.random.Generator
) -> pa.ListArray:
    """For each of N vectors the ids of about its `lengths` nearest tags, the nearest first."""
    scores = vectors @ tags.T + 0.5 * rng.normal(size=(len(vectors), len(tags)))
    ranked = np.argsort(-scores, axis=1, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(ranked[np.arange(len(tags)) < lengths[:, None]])
    )


def _numeric(values: Floats, missing: float, rng: np.random.Generator) -> pa.Array:
    gone = rng.random(len(values)) < missing
    return pa.array(np.where(gone, np.nan, values).astype(np.float32))
