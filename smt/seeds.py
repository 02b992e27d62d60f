"""What a seed may be, and every seed that is derived from another, by name.

| from a run's seed S | derived by | what it seeds |
|---|---|---|
| S itself | | the search's networks, the clusters, the holdout's draw, quasi-random θ |
| S, proposal | `proposal_seed` | the surrogate's fit and Ax's experiment before a θ is proposed |
| S, proposal | `tpe_seed` | Optuna's sampler for a θ |
| S + 1 … S + n | `fresh_seeds` | the networks on which a technique is confirmed |
| the n after those | `backtest_seeds` | the networks of a back-test |
| S + 1 | `tuning_confirmation` | the second comparison of a model's tuned hyperparameters |
| S + resample | `resample_seed` | the clustering of a bootstrap sample of a fleet |
| S, name | `parameter_seed` | a parameter's initial values |
| S, part | `stream_seeds` | what each part of the simulator draws |

Equal numbers do not mean equal draws: a seed also counts by what draws from it. What takes S itself
says so where it is; a seed is computed nowhere but here.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated

from numpy.random import SeedSequence
from pydantic import Field

from smt.errors import InputError
from smt.spec import digest

LARGEST = 2**32 - 1

Seed = Annotated[int, Field(ge=0, le=LARGEST)]


def check_seed(seed: int) -> None:
    """Raise `InputError` where NumPy, torch or scikit-learn would not take it."""
    if not 0 <= seed <= LARGEST:
        raise InputError(f"seed is {seed}; it is a whole number from 0 to {LARGEST}")


def proposal_seed(seed: int, proposal: int) -> int:
    """Of the surrogate, for the proposal of this number: in [0, 2^31)."""
    return int(digest([seed, proposal]), 16) % 2**31


def tpe_seed(seed: int, proposal: int) -> int:
    """Of Optuna's sampler, which is made anew for every proposal."""
    return seed + proposal


def fresh_seeds(seed: int, count: int) -> tuple[int, ...]:
    """On which what a search found is measured again: those after the search's own."""
    return tuple(range(seed + 1, seed + 1 + count))


def backtest_seeds(seed: int, measured: Iterable[int], count: int) -> tuple[int, ...]:
    """The first ones after those that a run searched and measured with."""
    return fresh_seeds(max(seed, *measured), count)


def tuning_confirmation(seed: int) -> int:
    """On which a model's best hyperparameters are compared with the defaults once more."""
    return seed + 1


def resample_seed(seed: int, resample: int) -> int:
    """Of the clustering of a bootstrap sample."""
    return seed + resample


def parameter_seed(seed: int, name: str) -> int:
    """Of a parameter's initial values, whatever other parameters there are: in [0, 2^63)."""
    key = hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8]
    return int.from_bytes(key, "little") >> 1


def stream_seeds(seed: int, parts: int) -> list[SeedSequence]:
    """Of each part of the simulator: what one draws leaves the others as they are."""
    return SeedSequence(seed).spawn(parts)
