"""Which models stand for a fleet, and how surely: worked out, and in files."""

from collections.abc import Sequence
from typing import Literal

from smt.fleet import AttributeWeights, Fleet, ModelSpec, Representatives, Stability, fleet_table
from smt.fleet.attributes import attributes
from smt.fleet.cluster_count import elbow
from smt.fleet.model_spec import Hardware, Stage
from smt.results.folder import Result, write_result
from smt.results.run_reading import FLEET
from smt.spec import Spec
from smt.storage import Folder


class RepresentativeModel(Spec):
    """A model that stands for its cluster.

    Attributes:
        members: Models of its cluster.
        traffic: Share of the fleet's that its cluster has.
        again, jaccard: See `smt.fleet.Stability`.
    """

    model: str
    stage: Stage
    inference_flops: int
    inference_hardware: Hardware
    event: str
    surface: str
    data_constraint: str
    members: int
    traffic: float
    again: float
    jaccard: float


class HoldoutModel(Spec):
    """A model held out, and the representative of its cluster."""

    model: str
    represented_by: str


class RepresentativesResult(Result):
    """Who stands for whom, and how surely.

    Attributes:
        models: How many the fleet has.
        inertias: k -> k-means inertia.
        silhouettes: k -> mean silhouette.
        elbow, silhouette: The k that either curve would choose; None where it has none.
        resamples: Fleets drawn with replacement.
    """

    kind: Literal["choice of representatives"] = "choice of representatives"
    format: Literal[1] = 1
    fleet: str
    models: int
    attribute_weights: AttributeWeights
    inertias: dict[int, float]
    silhouettes: dict[int, float]
    elbow: int | None
    silhouette: int | None
    resamples: int
    representatives: tuple[RepresentativeModel, ...]
    holdout: tuple[HoldoutModel, ...]


def save_representatives(
    fleet: Fleet,
    chosen: Representatives,
    holdout: Sequence[ModelSpec],
    stability: Stability,
    weights: AttributeWeights,
    folder: Folder,
) -> RepresentativesResult:
    """Write `fleet.parquet`, a row a model, and `result.json`."""
    clusters = {
        model.name: int(of) for model, of in zip(fleet.models, chosen.clusters, strict=True)
    }
    total = sum(model.weight for model in fleet.models)
    members: list[list[ModelSpec]] = [[] for _ in chosen.models]
    for model in fleet.models:
        members[clusters[model.name]].append(model)
    result = RepresentativesResult(
        fleet=fleet.name,
        models=len(fleet.models),
        attribute_weights=weights,
        inertias=chosen.inertias,
        silhouettes=chosen.silhouettes,
        elbow=elbow(chosen.inertias),
        silhouette=max(chosen.silhouettes, key=lambda k: chosen.silhouettes[k], default=None),
        resamples=stability.resamples,
        representatives=tuple(
            RepresentativeModel(
                model=model.name,
                **attributes(model),
                members=len(own),
                traffic=sum(member.weight for member in own) / total,
                again=float(again),
                jaccard=float(jaccard),
            )
            for model, own, again, jaccard in zip(
                chosen.models, members, stability.members, stability.clusters, strict=True
            )
        ),
        holdout=tuple(
            HoldoutModel(model=model.name, represented_by=chosen.models[clusters[model.name]].name)
            for model in holdout
        ),
    )
    folder.write_table(FLEET, fleet_table(fleet, chosen, holdout))
    write_result(folder, result)
    return result
