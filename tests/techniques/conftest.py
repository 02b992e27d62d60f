"""Points of techniques' spaces, and a log so small that it is one batch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from smt.template import Choice, Float
from smt.training.network_training import train_network


def _lowest(domain):
    return domain.values[0] if isinstance(domain, Choice) else domain.low


def _middle(domain):
    if isinstance(domain, Choice):
        return domain.values[0]
    low, high = domain.low, domain.high
    value = math.sqrt(low * high) if domain.log else (low + high) / 2
    return value if isinstance(domain, Float) else round(value)


@pytest.fixture(scope="session")
def lowest():
    """A technique's θ with the lowest value, or the first choice, of everything: cheap to train."""
    return lambda technique: {name: _lowest(domain) for name, domain in technique.space.items()}


@pytest.fixture(scope="session")
def middle():
    """A technique's θ in the middle of its space."""
    return lambda technique: {name: _middle(domain) for name, domain in technique.space.items()}


@pytest.fixture(scope="session")
def ads_model(lean_model):
    """Has an event that follows another and takes its time, and features of all types."""
    return lean_model.model_copy(update={"events": ("click", "conversion")})


@pytest.fixture(scope="session")
def tiny_log(small_log):
    """Sixteen rows, three of them conversions that came soon."""
    train = small_log.train
    delays = np.where(train["conversion"], train["conversion_delay"], np.inf)
    rows = {*range(0, len(train), len(train) // 13), *np.argsort(delays)[:3].tolist()}
    return replace(small_log, train=train.take(sorted(rows)[-16:]))


@pytest.fixture(scope="session")
def take_a_step(ads_model, tiny_log):
    """Trains a template's network on the tiny log: one step."""

    def take(template):
        assert template.training.batch_size >= len(tiny_log.train)
        trained = train_network(template, ads_model, tiny_log)
        assert all(torch.isfinite(value).all() for value in trained.network.state_dict().values())

    return take
