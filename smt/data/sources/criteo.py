"""The Criteo display-advertising log: 13 counts and 26 hashed categories a click or not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from smt.data.coding import flat
from smt.data.columns import Column, Event, Id, Numeric, Timestamp
from smt.data.reading import Reading
from smt.data.schema import Schema
from smt.data.sources import Source
from smt.data.sources.arrow_types import TEXT
from smt.data.sources.ids import code_ids
from smt.data.sources.raw_ids import raw_ids
from smt.errors import InputError

NAMES = ("train.txt", "train.txt.gz")
PUBLISHED = (
    "Criteo AI Lab publishes it as the 'Kaggle Display Advertising Challenge' dataset "
    "at https://ailab.criteo.com"
)
COUNTS = tuple(f"count_{number}" for number in range(1, 14))
CATEGORIES = tuple(f"category_{number}" for number in range(1, 27))


def read_criteo(source: str | Path, *, num_ids: int = 100_000) -> Source:
    """Read the training file; the event is `click`.

    The file has no times but is in time order: the row's number is its timestamp. A count x
    becomes sign(x) log(1 + |x|).

    Args:
        source: `train.txt`, plain or gzip, or the folder that holds it.
        num_ids: Ids that each category is hashed to; 0 is for missing ones.

    Raises:
        InputError: The file is missing or a line is not of the published layout.
    """
    if num_ids < 2:
        raise InputError(f"--num-ids must be at least 2, not {num_ids}")
    file = _training_file(Path(source))
    table = _read(file)
    labels = flat(table["click"])
    wrong = labels.filter(pc.invert(pc.fill_null(pc.is_in(labels, pa.array([0, 1])), False)))
    if len(wrong):
        raise InputError(f"{file}: the first column, the label, must be 0 or 1, not {wrong[0]}")
    category = Id(num_ids=num_ids, coding="hash", missing=())
    categories = {
        name: code_ids(name, category, {name: [raw_ids(flat(table[name]), (), f"{file}: {name}")]})
        for name in CATEGORIES
    }
    kinds: dict[str, Column] = {
        "row": Timestamp(),
        "click": Event(),
        **{name: Numeric() for name in COUNTS},
        **{name: Id(num_ids=num_ids) for name in CATEGORIES},
    }
    columns = {
        "row": pa.array(np.arange(table.num_rows)),
        "click": labels.cast(pa.int8()),
        **{name: _signed_log(table[name]) for name in COUNTS},
        **{name: pc.fill_null(hashed.columns[name][0], 0) for name, hashed in categories.items()},
    }
    return Source(
        schema=Schema(columns=kinds),
        rows=pa.table(columns),
        reading=Reading(ids={name: hashed.coding for name, hashed in categories.items()}),
        report={"source": "Criteo display advertising", "file": file.name},
    )


def _training_file(source: Path) -> Path:
    if source.is_file():
        return source
    for name in NAMES:
        if (source / name).is_file():
            return source / name
    if source.is_dir():
        raise InputError(f"{source}: has neither {' nor '.join(NAMES)}; {PUBLISHED}")
    raise InputError(f"{source}: no such file; {PUBLISHED}")


def _read(file: Path) -> pa.Table:
    types = {
        **dict.fromkeys(("click", *COUNTS), pa.int64()),
        **dict.fromkeys(CATEGORIES, TEXT),
    }
    try:
        return csv.read_csv(
            file,
            read_options=csv.ReadOptions(column_names=list(types)),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file}: not the published layout of 40 columns: {error}") from None


def _signed_log(counts: pa.ChunkedArray) -> pa.Array:
    values = counts.cast(pa.float64())
    logs = pc.multiply(pc.sign(values), pc.log1p(pc.abs(values)))
    return flat(pc.fill_null(logs, float("nan")).cast(pa.float32()))
