"""What networks make of ids and numbers that no log holds."""

import pytest
import torch
from served_networks import filled, with_everything

from smt.data import Batch
from smt.data.id_ranges import id_bounds
from smt.layers.examples import Examples
from smt.layers.jagged import Jagged
from smt.serving import serve
from smt.serving.extreme_requests import extreme_requests
from smt.serving.requests import random_requests
from smt.template import catalogue

TEMPLATES = {
    **catalogue,
    "everything": with_everything("sparsenn"),
    "everything_decoupled": with_everything("decoupled_sparsenn"),
}


@pytest.fixture(scope="module", params=TEMPLATES)
def network(request, small_log, small_model):
    return filled(TEMPLATES[request.param], small_model, small_log)


@torch.no_grad()
def scores(network, examples):
    return torch.sigmoid(network.predict(examples))


def of(batch: Batch) -> Examples:
    return Examples.of(batch, training=False)


def requests(network, unknown=lambda num_ids: 0):
    """Requests a third of whose ids are unknown, or 0."""
    generator = torch.Generator().manual_seed(3)
    batch = random_requests(network, 40, steps=20, generator=generator)
    limits = id_bounds(network.schema)
    for lists in (batch.ids, *batch.id_lists.values()):
        for name, values in lists.to_dict().items():
            chosen = torch.rand(values.values().shape, generator=generator) < 1 / 3
            if name in limits:
                values.values().masked_fill_(chosen, unknown(limits[name]))
    return of(batch)


@pytest.mark.parametrize(
    "unknown",
    [lambda _: -1, lambda _: -(2**63), lambda n: n, lambda n: n + 1, lambda _: 2**62],
    ids=["-1", "least", "num_ids", "num_ids+1", "large"],
)
def test_an_unknown_id_is_id_0(network, unknown):
    expected = scores(network, requests(network))
    found = requests(network, unknown)
    assert torch.equal(scores(network, found), expected)
    served = scores(serve(network, "fp32"), found)
    torch.testing.assert_close(served, expected, rtol=0, atol=1e-6)


def test_no_example_changes_the_scores_of_others(network):
    known = requests(network)
    generator = torch.Generator().manual_seed(0)
    strange = of(extreme_requests(network, 40, steps=20, generator=generator))
    # Too large to compute with, in most networks.
    strange.embeddings["item_content"][0] = torch.finfo(torch.float32).max
    found = scores(network, joined(strange, known))
    torch.testing.assert_close(found[40:], scores(network, known), rtol=0, atol=1e-6)


def joined(first: Examples, second: Examples) -> Examples:
    """The examples of both."""
    times = (first.timestamps, second.timestamps)
    return Examples(
        numeric=torch.cat([first.numeric, second.numeric]),
        ids=torch.cat([first.ids, second.ids], dim=1),
        lists={
            name: Jagged(
                torch.cat([each.values, second.lists[name].values]),
                torch.cat([each.offsets, second.lists[name].offsets[1:] + each.offsets[-1]]),
            )
            for name, each in first.lists.items()
        },
        embeddings={
            name: torch.cat([each, second.embeddings[name]])
            for name, each in first.embeddings.items()
        },
        timestamps=None if times[0] is None else torch.cat(times),
    )
