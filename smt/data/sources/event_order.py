"""Events that happened without the one that the schema says they come after."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.columns import Event
from smt.data.schema import Schema


def remarks_on_order(parts: Sequence[Mapping[str, pa.Array]], schema: Schema) -> tuple[str, ...]:
    """Count, for a person to check, the rows in which an event lacks the one before it.

    They are no error: a conversion may follow a view without a click.

    Args:
        parts: The columns of each file as a log has them.
    """
    remarks: tuple[str, ...] = ()
    for name, event in schema.of_kind(Event).items():
        if event.after is None:
            continue
        happened = alone = 0
        for part in parts:
            is_there = pc.equal(part[name], 1)
            happened += pc.sum(is_there).as_py() or 0
            without = pc.and_(is_there, pc.equal(part[event.after], 0))
            alone += pc.sum(without).as_py() or 0
        if alone:
            remarks += (
                f"column '{name}': in {alone:,} of the {happened:,} rows where it is 1 "
                f"({alone / happened:.1%}), '{event.after}' is 0, though the schema says `after: "
                f"{event.after}`; leave `after` out where one does not need the other",
            )
    return remarks
