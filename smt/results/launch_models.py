"""A row a model of a launch, in `models.parquet`."""

import pyarrow as pa

from smt.results.launch import LaunchDecision
from smt.search.delta import Delta
from smt.spec import Spec
from smt.storage import Folder

MODELS = "models.parquet"

_COST = (("flops", pa.int64()), ("bytes", pa.int64()), ("latency_ms", pa.float64()))
_TEXTS = (
    "model",
    "template",
    "baseline",
    "stage",
    "inference_hardware",
    "event",
    "surface",
    "data_constraint",
)
_NUMBERS = (
    "ne",
    "baseline_ne",
    "constant_ne",
    "delta",
    "sem",
    "posterior_delta",
    "posterior_sem",
    "regression_chance",
)
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("weight", pa.float64()),
        ("outcome", pa.string()),
        ("reasons", pa.list_(pa.string())),
        *((name, pa.float64()) for name in _NUMBERS),
        ("delta_status", pa.string()),
        ("delta_reason", pa.string()),
        *((f"{prefix}{name}", kind) for prefix in ("", "baseline_") for name, kind in _COST),
        ("within_limits", pa.bool_()),
        # JSON, place -> value, as is `tuning_default`; the next nine are null of an untuned model.
        ("hyperparameters", pa.string()),
        ("tuning", pa.string()),
        ("tuning_default", pa.string()),
        ("tuning_evaluations", pa.int64()),
        ("tuning_failures", pa.int64()),
        ("validation_delta", pa.float64()),
        ("validation_sem", pa.float64()),
        ("confirmed_delta", pa.float64()),
        ("confirmed_sem", pa.float64()),
        ("tuning_remark", pa.string()),
        ("train_rows", pa.int64()),
        ("judged_rows", pa.int64()),
        ("seconds", pa.float64()),
        ("workers", pa.int64()),
        ("device_hours", pa.float64()),
        ("folder", pa.string()),
    ]
)


class LaunchedModel(Spec):
    """What a report shows of a row."""

    model: str
    outcome: LaunchDecision
    reasons: tuple[str, ...]
    delta: Delta
    posterior_delta: float | None
    ne: float | None
    baseline_ne: float | None
    latency_ms: float | None
    baseline_latency_ms: float | None
    seconds: float
    device_hours: float


def read_launched(folder: Folder) -> tuple[LaunchedModel, ...]:
    """The models of a finished launch, in the fleet's order."""
    return tuple(
        LaunchedModel(
            **{name: row[name] for name in LaunchedModel.model_fields if name != "delta"},
            delta=Delta(
                status=row["delta_status"],
                value=row["delta"],
                sem=row["sem"],
                reason=row["delta_reason"],
            ),
        )
        for row in folder.read_table(MODELS).to_pylist()
    )
