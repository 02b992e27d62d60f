import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from smt.data import open_log
from smt.data.columns import DataConstraint, Id, Surface
from smt.data.sources import store
from smt.data.sources.kuairand import read_kuairand
from smt.data.sources.kuairand_files import (
    LOG_COLUMNS,
    SIGNALS,
    USER_COUNTS,
    USER_IDS,
    VIDEO_IDS,
    VIDEO_LARGE_IDS,
    VIDEO_SIZES,
)
from smt.errors import InputError

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "kuairand_pure"
START = 1_650_812_741_436
USERS, VIDEOS = 12, 30
OUTCOMES = ("play_time_ms", "profile_stay_time", "comment_stay_time", "is_click", "is_rand")


def write_csv(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def log_rows(rng, count):
    rows = []
    for _ in range(count):
        row = {name: int(rng.random() < 0.4) for name in SIGNALS.values()}
        row |= {
            "user_id": int(rng.integers(USERS + 1)),
            "video_id": int(rng.integers(VIDEOS + 1)),
            "date": 20220425,
            "hourmin": 0,
            # Few different moments, so that ties are common.
            "time_ms": START + int(rng.integers(80)) * 3_600_000,
            "play_time_ms": int(rng.integers(40_000)),
            "duration_ms": int(rng.choice([0, 10_000, 20_000])),
            "profile_stay_time": 0,
            "comment_stay_time": 0,
            "is_rand": 0,
            "tab": int(rng.integers(3)),
        }
        rows.append({name: row[name] for name in LOG_COLUMNS})
    return rows


@pytest.fixture
def folder(tmp_path):
    """A small data set in the published layout; one user and one video lack features."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "KuaiRand-Pure"
    (folder / "data").mkdir(parents=True)
    rows = log_rows(rng, 500)
    write_csv(folder / "data" / "log_standard_4_08_to_4_21_pure.csv", [*rows[:200], rows[7]])
    write_csv(folder / "data" / "log_standard_4_22_to_5_08_pure.csv", [*rows[200:], rows[7]])
    users = [
        {
            "user_id": user,
            "user_active_degree": ("full_active", "low_active", "UNKNOWN")[user % 3],
            **{name: -124 if user == 1 else int(rng.integers(3)) for name in USER_IDS},
            **dict.fromkeys(USER_COUNTS, user),
            "register_days": -124 if user == 3 else 100,
        }
        for user in range(USERS)
    ]
    write_csv(folder / "data" / "user_features_pure.csv", users)
    videos = [
        {
            "video_id": video,
            **dict.fromkeys(VIDEO_LARGE_IDS, 7000000000 + video % 5),
            **dict.fromkeys(VIDEO_IDS, f"value {video % 4}"),
            **dict.fromkeys(VIDEO_SIZES, "" if video == 2 else 1000.0 * (video + 1)),
            "tag": ("3,12", "5", "", "12")[video % 4],
            "upload_dt": date(2022, 4, 9) + timedelta(days=video % 3),
        }
        for video in range(VIDEOS)
    ]
    write_csv(folder / "data" / "video_features_basic_pure.csv", videos)
    return folder


def assert_histories_hold_strictly_earlier_impressions(table, length, sample):
    """Compare rows against a search through all rows of the produced log."""
    users, times, videos, authors, click, long_view, like = (
        table[name].to_numpy()
        for name in ("user_id", "time_ms", "video_id", "author_id", "click", "long_view", "like")
    )
    tags = table["tag"]
    filled = 0
    for row in sample:
        earlier = (users == users[row]) & (times < times[row]) & ((click == 1) | (long_view == 1))
        steps = sorted(np.flatnonzero(earlier), key=lambda step: (times[step], step))
        steps = steps[::-1][:length]
        filled += len(steps)
        assert table["history_videos"][row].as_py() == videos[steps].tolist()
        assert table["history_authors"][row].as_py() == authors[steps].tolist()
        firsts = [(tags[int(step)].as_py() or [0])[0] for step in steps]
        assert table["history_tags"][row].as_py() == firsts
        codes = (click + 2 * long_view + 4 * like)[steps].tolist()
        assert table["history_events"][row].as_py() == codes
        assert table["history_times"][row].as_py() == times[steps].tolist()
    assert filled > 0


def test_histories_hold_strictly_earlier_impressions_only(folder, tmp_path):
    source = read_kuairand(folder, history_length=4)
    log = store(source, tmp_path / "out", test_share=0.2)
    table = pa.concat_tables([log.train.to_table(), log.test.to_table()])
    assert_histories_hold_strictly_earlier_impressions(table, 4, range(table.num_rows))


def test_rows_that_repeat_another_are_dropped_and_counted(folder):
    source = read_kuairand(folder)
    assert source.report["rows_read"] == 502
    assert source.report["duplicates_dropped"] == 2
    assert source.rows.num_rows == 500


def test_the_data_folder_itself_is_accepted_too(folder):
    above, below = read_kuairand(folder), read_kuairand(folder / "data")
    assert below.schema == above.schema
    # By repr, to which one NaN is like another.
    assert repr(below.rows.to_pylist()) == repr(above.rows.to_pylist())


def test_events_are_what_the_log_says(folder):
    rows = read_kuairand(folder).rows
    raw = {}
    for file in (folder / "data").glob("log_*.csv"):
        with file.open() as stream:
            for row in csv.DictReader(stream):
                values = {name: int(value) for name, value in row.items()}
                raw[tuple(values.values())] = values
    expected = sorted(
        (
            row["time_ms"],
            row["is_click"],
            row["is_hate"],
            int(row["play_time_ms"] > 3000),
            int(row["duration_ms"] > 0 and row["play_time_ms"] * 2 >= row["duration_ms"]),
            int(row["duration_ms"] > 0 and row["play_time_ms"] >= row["duration_ms"]),
            np.float32(row["play_time_ms"] / 1000),
        )
        for row in raw.values()
    )
    names = ("time_ms", "click", "hate", "play_3s", "play_half", "play_whole", "play_time")
    assert sorted(zip(*(rows[name].to_pylist() for name in names), strict=True)) == expected


def test_outcomes_are_no_features(folder):
    source = read_kuairand(folder)
    assert not set(OUTCOMES) & set(source.rows.column_names)
    assert set(source.schema.events).isdisjoint(source.schema.features)
    assert len(source.schema.events) == 13


def test_ids_are_bounded_and_unknown_ones_are_zero(folder):
    source = read_kuairand(folder)
    for name, kind in source.schema.columns.items():
        if isinstance(kind, (Id, DataConstraint, Surface)):
            values = source.rows[name].to_numpy()
            assert values.min() >= 0
            assert values.max() < kind.num_ids
    without_features = source.rows.filter(pc.field("user_id") == USERS + 1)
    assert set(without_features["onehot_feat3"].to_pylist()) == {0}
    assert set(without_features["user_active_degree"].to_pylist()) == {0}
    assert np.isnan(without_features["fans_user_num"].to_numpy()).all()
    lost_video = source.rows.filter(pc.field("video_id") == VIDEOS + 1)
    assert lost_video["tag"].to_pylist() == [[]] * lost_video.num_rows
    assert set(lost_video["author_id"].to_pylist()) == {0}
    assert (source.rows["user_id"].to_numpy() > 0).all()


def test_every_feature_has_a_side_and_histories_share_the_ids_of_what_they_hold(folder):
    schema = read_kuairand(folder).schema
    sides = {name: schema.side_of(name) for name in schema.features}
    context = {name for name, side in sides.items() if side == "context"}
    assert context == {"hour", "day_of_week", "tab"}
    users = {"user_id", "user_active_degree", "register_days", *USER_IDS, *USER_COUNTS}
    histories = {"history_videos", "history_authors", "history_tags"}
    assert {name for name, side in sides.items() if side == "user"} == users | histories
    of = {name: schema.columns[name].of for name in histories}
    assert of == {
        "history_videos": "video_id",
        "history_authors": "author_id",
        "history_tags": "tag",
    }


def test_codes_of_steps_are_within_their_bound(folder):
    source = read_kuairand(folder)
    codes = source.rows["history_events"].combine_chunks().flatten().to_numpy()
    assert source.schema.columns["history_videos"].num_events == 8
    assert (codes >= 1).all()
    assert (codes < 8).all()


def test_minus_124_and_empty_are_missing(folder):
    rows = read_kuairand(folder).rows
    third = rows.filter(pc.field("user_id") == 4)
    assert np.isnan(third["register_days"].to_numpy()).all()
    video = rows.filter(pc.field("video_id") == 3)
    assert np.isnan(video["video_duration"].to_numpy()).all()
    other = rows.filter(pc.field("video_id") == 2)
    assert other["video_duration"].to_numpy() == pytest.approx(np.log1p(2000))


def test_hour_is_that_of_the_timestamp_in_utc(folder):
    rows = read_kuairand(folder).rows
    for time, hour, day in zip(
        rows["time_ms"].cast(pa.timestamp("ms")).to_pylist(),
        rows["hour"].to_pylist(),
        rows["day_of_week"].to_pylist(),
        strict=True,
    ):
        assert (hour - 1, day) == (time.hour, time.isoweekday())


@pytest.mark.parametrize(
    "file", ["log_standard_4_*.csv", "user_features_pure.csv", "video_features_basic_pure.csv"]
)
def test_a_missing_file_is_named_with_where_to_find_it(folder, file):
    for path in (folder / "data").glob(file):
        path.unlink()
    with pytest.raises(InputError, match=rf"{file.split('_')[0]}.*kuairand\.com"):
        read_kuairand(folder)


def test_a_missing_column_is_named(folder):
    path = folder / "data" / "user_features_pure.csv"
    path.write_text(path.read_text().replace("onehot_feat7", "other", 1))
    with pytest.raises(InputError, match=r"user_features_pure\.csv: .*onehot_feat7"):
        read_kuairand(folder)


def test_a_malformed_value_is_named(folder):
    path = folder / "data" / "log_standard_4_08_to_4_21_pure.csv"
    lines = path.read_text().splitlines()
    lines[3] = "x" + lines[3]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"4_21_pure\.csv: .*'x"):
        read_kuairand(folder)


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the KuaiRand sample is not beside the repository")
def test_the_published_sample_becomes_a_log_without_leaks(tmp_path):
    source = read_kuairand(SAMPLE)
    assert source.report["duplicates_dropped"] == 5460
    store(source, tmp_path / "out", test_share=0.2)
    log = open_log(tmp_path / "out")
    train, test = log.train.to_table(), log.test.to_table()
    assert pc.max(train["time_ms"]).as_py() < pc.min(test["time_ms"]).as_py()
    assert test.num_rows / source.rows.num_rows == pytest.approx(0.2, abs=0.001)
    assert pc.mean(source.rows["click"]).as_py() == pytest.approx(0.449, abs=0.001)
    table = pa.concat_tables([train, test])
    sample = np.random.default_rng(0).choice(table.num_rows, 300, replace=False)
    assert_histories_hold_strictly_earlier_impressions(table, 20, sample.tolist())


def test_rows_are_clustered_by_user(folder):
    assert read_kuairand(folder).schema.cluster == "user_id"
