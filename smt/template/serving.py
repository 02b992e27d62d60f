"""The serving part: how a network is exported, and what it may cost."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from smt.fleet.limits import ServingLimits
from smt.fleet.model_spec import Hardware
from smt.spec import Spec


class Serving(Spec):
    """How a network serves, and what that may cost.

    Attributes:
        target: Where it runs.
        batch_size: Examples a request.
        table_precision: Of the tables' rows; int8 keeps a scale and an offset a row.
        limits: FLOPs and table and dense bytes of a network, and the 99th percentile of
            a request's latency; a model's own limits hold too.
        enforce_flops_limit: Refuse to train a network above a FLOPs limit, so that a
            technique cannot buy quality with capacity that the model does not have.
        growth: Percent by which FLOPs, bytes and latency may exceed the baseline's and still
            be neutral; latency has where both its 99th percentile and its median do.
    """

    target: Hardware = "cpu"
    batch_size: PositiveInt = 64
    table_precision: Literal["fp32", "fp16", "int8"] = "fp32"
    limits: ServingLimits = ServingLimits()
    enforce_flops_limit: bool = True
    growth: Annotated[float, Field(ge=0)] = 5.0
