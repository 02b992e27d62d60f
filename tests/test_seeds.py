import hashlib
import json

import numpy as np
import pytest

from smt.errors import InputError
from smt.seeds import (
    LARGEST,
    backtest_seeds,
    check_seed,
    fresh_seeds,
    parameter_seed,
    proposal_seed,
    resample_seed,
    stream_seeds,
    tpe_seed,
    tuning_confirmation,
)


def test_a_seed_is_what_numpy_torch_and_scikit_learn_take():
    check_seed(0)
    check_seed(LARGEST)
    for seed in (-1, LARGEST + 1):
        with pytest.raises(InputError, match=f"seed is {seed}"):
            check_seed(seed)


def test_fresh_seeds_are_those_after_the_searchs():
    assert fresh_seeds(3, 2) == (4, 5)
    assert fresh_seeds(3, 0) == ()


def test_a_backtest_uses_none_of_the_runs_seeds():
    assert backtest_seeds(3, fresh_seeds(3, 2), 3) == (6, 7, 8)
    # As the paper's search does, on whose own seed a technique is measured.
    assert backtest_seeds(3, (3,), 2) == (4, 5)


def test_a_proposals_seed_is_of_the_runs_seed_and_its_number():
    text = json.dumps([7, 12]).encode()
    assert proposal_seed(7, 12) == int(hashlib.sha256(text).hexdigest()[:16], 16) % 2**31
    seeds = {proposal_seed(seed, number) for seed in range(10) for number in range(10)}
    assert len(seeds) == 100
    assert (tpe_seed(7, 12), resample_seed(7, 2), tuning_confirmation(7)) == (19, 9, 8)


def test_a_parameters_seed_is_of_its_name():
    key = hashlib.sha256(b"5/tables.user.weight").digest()[:8]
    assert parameter_seed(5, "tables.user.weight") == int.from_bytes(key, "little") >> 1
    assert parameter_seed(5, "bias") != parameter_seed(6, "bias")


def test_a_part_of_the_simulator_draws_the_same_whatever_the_others_are():
    def drawn(seeds):
        return [np.random.Generator(np.random.PCG64(seed)).random() for seed in seeds]

    assert drawn(stream_seeds(1, 4))[:3] == drawn(stream_seeds(1, 3))
    assert len(set(drawn(stream_seeds(1, 4)))) == 4
