"""The most important features on a terminal."""

from rich.table import Table

from smt.results.importance import ImportanceResult

TOP = 10


def importance_table(result: ImportanceResult) -> Table:
    """The 10 most important features of each type, by each method."""
    models = len(result.models)
    table = Table(
        title=f"Importance of features, mean over {models} model{'' if models == 1 else 's'} of "
        f"fleet '{result.fleet}'",
        caption="percent of the normalized loss ± one standard error",
    )
    table.add_column("type")
    table.add_column("feature", overflow="fold")
    for method in result.ranking:
        table.add_column(method, justify="right")
    first, *others = result.ranking.values()
    for kind, features in first.items():
        known = [{feature.feature: feature for feature in other.get(kind, ())} for other in others]
        for place, feature in enumerate(features[:TOP]):
            values = [feature, *(other[feature.feature] for other in known)]
            table.add_row(
                kind if place == 0 else "",
                feature.feature,
                *(f"{value.importance:+.3f} ± {value.sem:.3f}" for value in values),
                end_section=place + 1 == min(len(features), TOP),
            )
    return table
