"""What a seed may be: what NumPy, torch and scikit-learn all take."""

from typing import Annotated

from pydantic import Field

from smt.errors import InputError

LARGEST = 2**32 - 1

Seed = Annotated[int, Field(ge=0, le=LARGEST)]


def check_seed(seed: int) -> None:
    """Raise `InputError` where it is none."""
    if not 0 <= seed <= LARGEST:
        raise InputError(f"seed is {seed}; it is a whole number from 0 to {LARGEST}")
