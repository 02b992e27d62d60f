"""Feature importance, as stored: what `experiments/feature_importance.py` writes."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from smt.errors import InputError
from smt.storage import filesystem_of


def read_importance(source: str) -> dict[str, float]:
    """Importance by feature, from a Parquet file with columns `feature` and `importance`.

    A feature that several models' rows name has the mean of its importances.

    Raises:
        InputError: The file is missing, or has other columns.
    """
    try:
        filesystem, path = filesystem_of(source)
        table = pq.read_table(path, filesystem=filesystem)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise InputError(f"feature importance {source}: {' '.join(str(error).split())}") from None
    for column in ("feature", "importance"):
        if column not in table.column_names:
            raise InputError(f"feature importance {source}: it has no column '{column}'")
    means = table.group_by("feature").aggregate([("importance", "mean")])
    return dict(
        zip(means["feature"].to_pylist(), means["importance_mean"].to_pylist(), strict=True)
    )


def by_importance(names: tuple[str, ...], importance: Mapping[str, float]) -> list[str]:
    """The names, most important first; unknown ones last, in the order given."""
    return sorted(names, key=lambda name: -importance.get(name, float("-inf")))
