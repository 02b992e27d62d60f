"""By how much serving a fleet may become dearer."""

from typing import Annotated, Literal

from pydantic import Field

Capacity = Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["free"]
"""Percent; `free`: by any."""
NEUTRAL = 5.0
"""What still counts as the same capacity."""
