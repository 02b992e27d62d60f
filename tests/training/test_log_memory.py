"""A batch's memory is the log's, which all workers of a node share: nothing writes to it."""

import hashlib

import pytest
import torch

from smt.template import catalogue, find_template
from smt.training import train


def digest_of(log):
    """Of every byte of both windows' buffers."""
    digest = hashlib.sha256()
    for window in (log.train, log.test):
        for column in window.columns:
            for chunk in column.chunks:
                for buffer in filter(None, chunk.buffers()):
                    digest.update(buffer)
    return digest.digest()


@pytest.mark.parametrize("judge", ["frozen", "progressive"])
@pytest.mark.parametrize("name", [name for name in catalogue if name.endswith("small")])
def test_training_leaves_the_log_as_it_was(name, judge, small_log, small_model):
    template = find_template(name).change("training", judge=judge)
    before = digest_of(small_log)
    train(template, small_model, small_log)
    assert digest_of(small_log) == before


def test_the_digest_tells_a_single_value_that_was_written(small_simulator):
    log = small_simulator.log()
    before = digest_of(log)
    values = log.train["user"].chunk(0)
    torch.from_dlpack(values)[7] += 1
    assert digest_of(log) != before
