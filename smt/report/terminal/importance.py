"""The most important features on a terminal."""

from typing import Any

from rich.table import Table

TOP = 10


def importance_table(result: dict[str, Any]) -> Table:
    """The 10 most important features of each type, by each method.

    Args:
        result: The content of `result.json`.
    """
    models = len(result["models"])
    table = Table(
        title=f"Importance of features, mean over {models} model{'' if models == 1 else 's'} of "
        f"fleet '{result['fleet']}'",
        caption="percent of NE ± one standard error",
    )
    table.add_column("type")
    table.add_column("feature", overflow="fold")
    for method in result["ranking"]:
        table.add_column(method, justify="right")
    first, *others = result["ranking"].values()
    for kind, features in first.items():
        known = [{each["feature"]: each for each in other.get(kind, [])} for other in others]
        for place, each in enumerate(features[:TOP]):
            values = [each, *(other[each["feature"]] for other in known)]
            table.add_row(
                kind if place == 0 else "",
                each["feature"],
                *(f"{value['importance']:+.3f} ± {value['sem']:.3f}" for value in values),
                end_section=place + 1 == min(len(features), TOP),
            )
    return table
