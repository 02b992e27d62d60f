"""The fleet and how many clusters it has, side by side."""

from collections.abc import Sequence

from smt.report import numbers
from smt.report.figures.elbow import elbow_figure
from smt.report.figures.embed import embed
from smt.report.figures.fleet import drawn, fleet_figure
from smt.results.generalization import GeneralizationResult
from smt.results.representatives import RepresentativesResult
from smt.results.run_reading import Model


def fleet_section(
    models: Sequence[Model], result: GeneralizationResult | RepresentativesResult
) -> str:
    """Both figures with their caption; the result's order numbers the representatives."""
    representatives = [representative.model for representative in result.representatives]
    k = len(representatives)
    shown = numbers.count(len(drawn(models)))
    total = numbers.count(len(models))
    which = f"the {total} models" if shown == total else f"{shown} of the {total} models"
    return (
        f"<div class=side><div>{embed(fleet_figure(models, representatives), 'fleet')}</div>"
        f"<div>{embed(elbow_figure(result.inertias, result.silhouettes, k), 'elbow')}</div></div>"
        f"<p class=caption>Left: {which} by their six attributes, projected on two principal axes "
        "and coloured by cluster; large numbered marks are the representatives, by the numbers of "
        "the table below. Models that share a place are packed side by side around it, one disc a "
        "cluster. Right: k-means inertia over the number of clusters, and the mean silhouette (−1 "
        f"to 1, higher is better separated); the dashed line is the k = {k} chosen.</p>"
    )
