"""The published files of KuaiRand: where they are, their columns and their missing values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv

from smt.errors import InputError

PUBLISHED = "the data set is published at https://kuairand.com"
SUFFIXES = ("pure", "1k")
MISSING = ["", "-124", "UNKNOWN", "NULL", "nan", "NaN"]
"""How the feature files write that a value is not known."""

SIGNALS = {
    "click": "is_click",
    "long_view": "long_view",
    "like": "is_like",
    "follow": "is_follow",
    "comment": "is_comment",
    "forward": "is_forward",
    "hate": "is_hate",
    "profile_enter": "is_profile_enter",
}
"""Event -> the column of the log that says whether it happened."""

LOG_COLUMNS = (
    *("user_id", "video_id", "date", "hourmin", "time_ms", *SIGNALS.values()),
    *("play_time_ms", "duration_ms", "profile_stay_time", "comment_stay_time", "is_rand", "tab"),
)
USER_COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num")
USER_IDS = (
    *("is_lowactive_period", "is_live_streamer", "is_video_author"),
    *(f"{name}_range" for name in (*USER_COUNTS, "register_days")),
    *(f"onehot_feat{number}" for number in range(18)),
)
VIDEO_SIZES = ("video_duration", "server_width", "server_height")
VIDEO_LARGE_IDS = ("author_id", "music_id")
VIDEO_IDS = ("music_type", "video_type", "upload_type", "visible_status")


@dataclass(frozen=True)
class Files:
    """The tables as published, missing feature values as nulls."""

    log: pa.Table
    users: pa.Table
    videos: pa.Table


def read_files(source: Path) -> Files:
    """Read all standard logs and both feature files of a folder or of its `data/`.

    Raises:
        InputError: A file or a column is missing or malformed.
    """
    folder = source / "data" if (source / "data").is_dir() else source
    if not folder.is_dir():
        raise InputError(f"{source}: no such folder; {PUBLISHED}")
    suffix = next((name for name in SUFFIXES if any(folder.glob(f"*_{name}.csv"))), SUFFIXES[0])
    logs = sorted(folder.glob(f"log_standard_*_{suffix}.csv"))
    if not logs:
        raise InputError(f"{folder}: has no log_standard_*_{suffix}.csv; {PUBLISHED}")
    features = [
        folder / f"{name}_{suffix}.csv" for name in ("user_features", "video_features_basic")
    ]
    for file in features:
        if not file.is_file():
            raise InputError(f"{folder}: has no {file.name}; {PUBLISHED}")
    text, number = pa.string(), pa.float64()
    users = {
        "user_id": pa.int64(),
        "register_days": number,
        **dict.fromkeys(USER_COUNTS, number),
        **dict.fromkeys(("user_active_degree", *USER_IDS), text),
    }
    videos = {
        **dict.fromkeys(("video_id", *VIDEO_LARGE_IDS), pa.int64()),
        **dict.fromkeys(VIDEO_SIZES, number),
        **dict.fromkeys((*VIDEO_IDS, "tag"), text),
        "upload_dt": pa.date32(),
    }
    impressions = dict.fromkeys(LOG_COLUMNS, pa.int64())
    return Files(
        log=pa.concat_tables([_read(file, impressions, required=LOG_COLUMNS) for file in logs]),
        users=_read(features[0], users, required=("user_id",)),
        videos=_read(features[1], videos, required=("video_id",)),
    )


def _read(file: Path, types: Mapping[str, pa.DataType], required: tuple[str, ...]) -> pa.Table:
    options = csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=MISSING,
        strings_can_be_null=True,
    )
    try:
        table = csv.read_csv(file, convert_options=options).combine_chunks()
    except (KeyError, pa.ArrowInvalid) as error:
        raise InputError(f"{file}: {error.args[0]}") from None
    for name in required:
        if table[name].null_count:
            raise InputError(f"{file}: column '{name}' has {table[name].null_count} missing values")
    return table
