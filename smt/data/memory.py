"""How many bytes a log takes once it is loaded."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.dataset as ds


def window_memory(window: pa.Table | ds.Dataset, columns: Collection[str]) -> int:
    """Of these columns of a window, by what its files say of themselves; none is read."""
    if isinstance(window, pa.Table):
        return int(window.select(list(columns)).nbytes)
    total = 0
    for fragment in window.get_fragments():
        metadata = fragment.metadata
        columns_of_leaves = [
            field.name for field in fragment.physical_schema for _ in range(_leaves(field.type))
        ]
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for number in range(metadata.num_columns):
                leaf = group.column(number)
                name = columns_of_leaves[number]
                if name in columns:
                    total += _bytes(window.schema.field(name).type, leaf.num_values, group.num_rows)
    return total


def _leaves(kind: pa.DataType) -> int:
    """How many columns of Parquet a column of Arrow is."""
    fields = [kind.field(number) for number in range(kind.num_fields)]
    return sum(_leaves(field.type) for field in fields) if fields else 1


def _bytes(kind: pa.DataType, values: int, rows: int) -> int:
    """Of a column of so many values in so many rows, the offsets of its lists included."""
    nested = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    width: int = (kind.value_type if nested else kind).bit_width // 8
    return values * width + (4 * rows if pa.types.is_list(kind) else 0)
