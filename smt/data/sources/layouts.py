"""Published files that are known by their first line: what their columns are called."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

COMPRESSED = (".gz", ".zst", ".bz2")
WHOLE = r"\d+"


@dataclass(frozen=True)
class Headerless:
    """A published file whose first line is a row.

    Attributes:
        data_set: What it belongs to.
        file: Its name, without that of a compression.
        delimiter: Between the fields.
        fields: A pattern of each field of a row.
        names: Of the columns; empty where the file is no log that can be read as it is.
        way_out: What to do with a file that has no names here.
    """

    data_set: str
    file: str
    delimiter: str
    fields: tuple[str, ...]
    names: tuple[str, ...] = ()
    way_out: str = ""


HEADERLESS = (
    Headerless(
        "MovieLens 100K",
        "u.data",
        "\t",
        (WHOLE,) * 4,
        ("user_id", "item_id", "rating", "timestamp"),
    ),
    Headerless(
        "MovieLens 1M or 10M",
        "ratings.dat",
        "::",
        (WHOLE, WHOLE, r"\d(\.5)?", WHOLE),
        ("user_id", "movie_id", "rating", "timestamp"),
    ),
    Headerless(
        "Taobao UserBehavior",
        "UserBehavior.csv",
        ",",
        (WHOLE, WHOLE, WHOLE, "pv|buy|cart|fav", WHOLE),
        ("user_id", "item_id", "category_id", "behavior", "timestamp"),
    ),
    Headerless(
        "the Criteo Display Advertising Challenge",
        "train.txt",
        "\t",
        ("[01]", *[r"-?\d*"] * 13, *["[0-9a-f]*"] * 26),
        way_out="read it with 'prepare_data.py criteo'",
    ),
    Headerless(
        "MIND",
        "behaviors.tsv",
        "\t",
        (WHOLE, r"U\d+", ".+", r"(N\d+ ?)*", r"(N\d+(-[01])? ?)+"),
        way_out="write one row for each news item shown (user, time, history, news, click), "
        "under a header",
    ),
)


@dataclass(frozen=True)
class Headed:
    """A published file with a header, of which a person should know more than it says.

    Attributes:
        data_set: What it belongs to.
        columns: Those that tell it.
        remarks: Sentences for the reader of a drafted schema.
        left_out: Columns that are no features, each with the reason.
        ids: Columns of ids whose names and values do not tell.
    """

    data_set: str
    columns: frozenset[str]
    remarks: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    ids: frozenset[str] = frozenset()


HEADED = (
    Headed(
        "Frappe, with the negatives that FuxiCTR's benchmark drew (frappe_x1)",
        frozenset({"label", "user", "item", "daytime", "weekday", "isweekend", "homework"}),
        ("its rows have no times and are split at random: expect that of the test window too",),
        ids=frozenset({"cost", "daytime"}),
    ),
    Headed(
        "Frappe, as its authors published it",
        frozenset({"user", "item", "cnt", "daytime", "weekday", "isweekend", "homework"}),
        (
            "every row is an app that was used, so nothing is left to predict: take the version "
            "with a column 'label' (frappe_x1), or add rows of apps that were not used",
        ),
        (("cnt", "how often the app was used is known only afterwards"),),
    ),
    Headed(
        "MovieLens tags, as FuxiCTR's benchmark has them (movielenslatest_x1)",
        frozenset({"label", "user_id", "item_id", "tag_id"}),
        ("its rows have no times and are split at random: expect that of the test window too",),
    ),
    Headed(
        "Criteo, as FuxiCTR's benchmark has it (criteo_x1 or x4)",
        frozenset({"label", *(f"I{n}" for n in range(1, 14)), *(f"C{n}" for n in range(1, 27))}),
        ("'prepare_data.py criteo' reads the published train.txt",),
    ),
    Headed(
        "KuaiRand",
        frozenset({"user_id", "video_id", "time_ms", "is_click", "long_view", "is_rand", "tab"}),
        ("'prepare_data.py kuairand' reads the whole folder, with features and histories",),
        (
            ("date", "the same time as 'time_ms'"),
            ("hourmin", "the same time as 'time_ms'"),
        ),
    ),
    Headed(
        "MovieLens",
        frozenset({"userId", "movieId", "rating", "timestamp"}),
    ),
    Headed(
        "Amazon Reviews 2023, pure ids",
        frozenset({"user_id", "parent_asin", "rating", "timestamp"}),
    ),
    Headed(
        "Avazu's click-through rate challenge",
        frozenset({"id", "click", "hour", "C1", "banner_pos", "site_id", "C21"}),
        (
            "its missing values are hashed too: the commonest id of site_*, app_* and device_id "
            "is 'no value'",
        ),
    ),
    Headed(
        "Ali Display_Ad_Click (raw_sample)",
        frozenset({"user", "time_stamp", "adgroup_id", "pid", "nonclk", "clk"}),
        ("join user_profile and ad_feature by 'user' and 'adgroup_id' for more features",),
    ),
    Headed(
        "Ali Display_Ad_Click, as FuxiCTR's samples have it",
        frozenset({"clk", "time_stamp", "userid", "adgroup_id", "pid", "click_sequence"}),
        ("its times are Chinese, and its sequences begin with the oldest click",),
        ids=frozenset({"customer", "occupation"}),
    ),
)


def headerless(file: Path, line: str) -> Headerless | None:
    """The published layout of a file by its name and first line; None where it is none."""
    name = file.stem if file.suffix.lower() in COMPRESSED else file.name
    for layout in HEADERLESS:
        if name != layout.file:
            continue
        fields = line.split(layout.delimiter)
        if len(fields) == len(layout.fields) and all(map(re.fullmatch, layout.fields, fields)):
            return layout
    return None


def headed(columns: Collection[str]) -> Headed | None:
    """The published layout that has these columns; None where none has."""
    return next((layout for layout in HEADED if layout.columns <= {*columns}), None)
