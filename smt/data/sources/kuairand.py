"""KuaiRand-Pure and KuaiRand-1K: short-video impressions with many kinds of feedback."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.coding import Dictionary, dictionary, flat
from smt.data.columns import (
    Column,
    DataConstraint,
    Event,
    Id,
    IdList,
    Numeric,
    Sequence,
    Side,
    Surface,
    Timestamp,
    Value,
)
from smt.data.history import past_rows
from smt.data.log import arrow_schema
from smt.data.reading import Reading
from smt.data.schema import Schema
from smt.data.sources import Source
from smt.data.sources.ids import known_coding
from smt.data.sources.kuairand_files import (
    MISSING,
    SIGNALS,
    USER_COUNTS,
    USER_IDS,
    VIDEO_IDS,
    VIDEO_LARGE_IDS,
    VIDEO_SIZES,
    read_files,
)
from smt.data.sources.list_columns import with_elements
from smt.data.sources.numbers import amount_column
from smt.data.time_order import time_order

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NUM_TABS = 15
PLAYED = "the log's column 'play_time_ms', in seconds"
STEP_BITS = {"click": 1, "long_view": 2, "like": 4}
"""The event code of a step of a history is the sum over what happened: 1 to 7."""

SHOWN = Schema(
    columns={
        "time_ms": Timestamp(),
        **{name: Id(num_ids=2**62) for name in ("user_id", "video_id", "tab", "duration_ms")},
    }
)
"""What is known of a row of the published log before any feedback."""


class Made(NamedTuple):
    """A column of the log: what it is, its values and, of ids, the published values behind them."""

    kind: Column
    values: pa.Array
    known: Dictionary | None = None


Columns = dict[str, Made]


def read_kuairand(source: str | Path, *, history_length: int = 20) -> Source:
    """Read the published files: every feedback signal becomes an event, `tab` the surface.

    `play_time` is a value: the seconds that were played.

    Counts, sizes and durations are features as log(1 + x). Rows that repeat another exactly
    are dropped. Histories hold clicked or long-viewed videos of strictly earlier impressions.
    What a user did is never a feature of the impression itself.

    Args:
        source: The folder with `log_standard_*.csv`, `user_features_*.csv` and
            `video_features_basic_*.csv`, or the one above it whose `data/` holds them.
        history_length: Most steps of a history.

    Raises:
        InputError: A file or a column is missing or malformed.
    """
    files = read_files(Path(source))
    log = _distinct_rows(files.log)
    users, videos = _of_users(files.users), _of_videos(files.videos)
    columns = {
        **_joined(log, "user_id", files.users, users, "user"),
        **_joined(log, "video_id", files.videos, videos, "item"),
        **_context(log, files.videos),
    }
    events = _events(log)
    histories, steps = _histories(log, columns, events, history_length)
    columns |= histories | events
    known = {name: column.known for name, column in columns.items() if column.known is not None}
    return Source(
        schema=Schema(columns={name: column.kind for name, column in columns.items()}),
        rows=pa.table({name: column.values for name, column in columns.items()} | steps),
        reading=Reading(
            ids={
                name: known_coding(name, columns[name].values, values, MISSING)
                for name, values in known.items()
            }
        ),
        dictionaries={name: values.as_texts() for name, values in known.items()},
        ordered=True,
        report={
            "source": "KuaiRand",
            "rows_read": files.log.num_rows,
            "duplicates_dropped": files.log.num_rows - log.num_rows,
        },
    )


def _distinct_rows(log: pa.Table) -> pa.Table:
    """One of each set of equal rows, in the order that the log has them: see `time_order`."""
    distinct = log.group_by(log.column_names).aggregate([])
    order = time_order(distinct, SHOWN, arrow_schema(SHOWN))
    return distinct.take(pa.array(order)).combine_chunks()


def _of_users(users: pa.Table) -> Columns:
    """Features of each user, then of a user that the file does not have."""
    users = _with_unknown(users)
    activity = dictionary(users["user_active_degree"])
    names = ("unknown", *activity.values.to_pylist())
    return {
        "user_active_degree": Made(
            DataConstraint(num_ids=activity.num_ids, names=names),
            activity(flat(users["user_active_degree"])),
            activity,
        ),
        **{name: _coded(users[name]) for name in USER_IDS},
        **{name: Made(Numeric(), _log1p(users[name])) for name in USER_COUNTS},
        "register_days": Made(Numeric(), _float32(users["register_days"])),
    }


def _of_videos(videos: pa.Table) -> Columns:
    """Features of each video, then of a video that the file does not have."""
    videos = _with_unknown(videos)
    tags = pc.split_pattern(flat(videos["tag"]), ",")
    tag_codes = dictionary(tags.flatten())
    return {
        **{name: _coded(videos[name]) for name in (*VIDEO_LARGE_IDS, *VIDEO_IDS)},
        "tag": Made(
            IdList(num_ids=tag_codes.num_ids),
            with_elements(tags, tag_codes(tags.flatten())),
            tag_codes,
        ),
        **{name: Made(Numeric(), _log1p(videos[name])) for name in VIDEO_SIZES},
    }


def _with_unknown(table: pa.Table) -> pa.Table:
    """The table and, after it, a row of nulls."""
    rows = pa.array(np.arange(table.num_rows))
    return table.take(pa.concat_arrays([rows, pa.nulls(1, pa.int64())])).combine_chunks()


def _joined(log: pa.Table, key: str, table: pa.Table, features: Columns, side: Side) -> Columns:
    """The key itself as an id, and the features of its row in `table`; all of one side.

    What a user does is not independent from row to row.
    """
    ids, known = flat(log[key]), flat(table[key])
    codes = dictionary(ids, known)
    position = pc.fill_null(pc.index_in(ids, value_set=known), table.num_rows)
    joined: Columns = {
        name: Made(
            column.kind.model_copy(update={"side": side}),
            column.values.take(position),
            column.known,
        )
        for name, column in features.items()
    }
    kind = Id(num_ids=codes.num_ids, cluster=side == "user", side=side)
    return {key: Made(kind, codes(ids), codes), **joined}


def _context(log: pa.Table, videos: pa.Table) -> Columns:
    """When and where it was shown (UTC; hour and day count from 1), and the video's age then."""
    times, tabs = log["time_ms"].to_numpy(), flat(log["tab"])
    position = pc.index_in(log["video_id"], value_set=flat(videos["video_id"]))
    uploaded = flat(videos["upload_dt"]).cast(pa.int32()).take(flat(position))
    age = times / DAY_MS - uploaded.to_numpy(zero_copy_only=False).astype(float)
    # The log writes 0 where the duration is not known.
    durations = pc.if_else(pc.greater(log["duration_ms"], 0), log["duration_ms"], None)
    return {
        "duration_ms": Made(Numeric(side="item"), _log1p(durations)),
        "video_age_days": Made(Numeric(side="item"), pa.array(age.astype(np.float32))),
        "hour": Made(Id(num_ids=25), pa.array(times % DAY_MS // HOUR_MS + 1)),
        "day_of_week": Made(Id(num_ids=8), pa.array((times // DAY_MS + 3) % 7 + 1)),
        "tab": Made(Surface(num_ids=max(NUM_TABS, pc.max(tabs).as_py() + 1)), tabs),
        "time_ms": Made(Timestamp(), flat(log["time_ms"])),
    }


def _events(log: pa.Table) -> Columns:
    """The feedback signals, how far the video was played, and for how many seconds."""
    played, duration = log["play_time_ms"].to_numpy(), log["duration_ms"].to_numpy()
    happened = {event: log[column].to_numpy() == 1 for event, column in SIGNALS.items()} | {
        "play_3s": played > 3_000,
        "play_18s": played > 18_000,
        "play_half": (duration > 0) & (2 * played >= duration),
        "play_whole": (duration > 0) & (played >= duration),
    }
    binary: Columns = {
        event: Made(Event(), pa.array(flags.astype(np.int8))) for event, flags in happened.items()
    }
    seconds = amount_column(pc.divide(flat(log["play_time_ms"]).cast(pa.float64()), 1000.0), PLAYED)
    return {**binary, "play_time": Made(Value(), seconds)}


def _histories(
    log: pa.Table, columns: Columns, events: Columns, length: int
) -> tuple[Columns, dict[str, pa.Array]]:
    """The user's earlier clicked or long-viewed videos, with their authors and first tags.

    Returns the sequences, and the event and time of each of their steps.
    """
    codes: NDArray[np.int64] = np.zeros(log.num_rows, np.int64)
    for event, bit in STEP_BITS.items():
        codes += bit * events[event].values.to_numpy()
    liked_enough = (codes & (STEP_BITS["click"] | STEP_BITS["long_view"])) > 0
    times = log["time_ms"].to_numpy()
    past = past_rows(log["user_id"].to_numpy(), times, liked_enough, length)
    ids = {name: columns[name].values.to_numpy() for name in ("video_id", "author_id")}
    ids["tag"] = _first(columns["tag"].values)
    bounds = {name: _num_ids(columns[name].kind) for name in ids}
    videos = Sequence(
        num_ids=bounds["video_id"],
        of="video_id",
        events="history_events",
        num_events=sum(STEP_BITS.values()) + 1,
        timestamps="history_times",
        side="user",
    )
    authors = Sequence(num_ids=bounds["author_id"], of="author_id", side="user")
    firsts = Sequence(num_ids=bounds["tag"], of="tag", side="user")
    sequences: Columns = {
        "history_videos": Made(videos, past.lists(ids["video_id"])),
        "history_authors": Made(authors, past.lists(ids["author_id"])),
        "history_tags": Made(firsts, past.lists(ids["tag"])),
    }
    return sequences, {"history_events": past.lists(codes), "history_times": past.lists(times)}


def _num_ids(kind: Column) -> int:
    assert isinstance(kind, (Id, IdList))
    return kind.num_ids


def _first(lists: pa.ListArray) -> NDArray[np.int64]:
    """The first element of each list, 0 where it is empty."""
    firsts = pc.list_slice(lists, 0, 1, return_fixed_size_list=True).flatten()
    result: NDArray[np.int64] = pc.fill_null(firsts, 0).to_numpy()
    return result


def _coded(column: pa.ChunkedArray) -> Made:
    codes: Dictionary = dictionary(column)
    return Made(Id(num_ids=codes.num_ids), codes(flat(column)), codes)


def _log1p(column: pa.ChunkedArray) -> pa.Array:
    return _float32(pc.log1p(pc.cast(column, pa.float64())))


def _float32(column: pa.ChunkedArray) -> pa.Array:
    return flat(pc.fill_null(column, float("nan")).cast(pa.float32()))
