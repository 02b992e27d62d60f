"""Networks with random values everywhere, and batches that they can read."""

import torch
from plain_templates import PLAIN

from smt.data import read_batches
from smt.layers.initialize import initialize
from smt.layers.weighers import FrequencyGate
from smt.template import build

SIZE = 64
# One of each kind and side: the more there are, the longer tracing takes.
FEATURES = ("user", "item", "user_age", "item_price", "item_tags", "item_content", "history")


def with_everything(paradigm):
    """A template that hashes, weighs, gates, shares, crosses, buckets, and reads steps."""
    template = PLAIN[f"{paradigm}_small"]
    return template.change(
        "features",
        position_weighting={"max_positions": 6, "half_life": 2.0},
        frequency_gate=3.0,
        hashing={"buckets": 64, "hashes": 2},
        shared_tables=True,
        sequence={"kind": "self_attention", "layers": 1, "heads": 2},
        event_steps=8,
        crosses={"count": 1, "num_ids": 100},
        buckets={"count": 2, "buckets": 5},
    ).change("data", past_rates={"count": 1, "prior_count": 5.0})


def with_steps(paradigm):
    """A template that reads the types and ages of sequences' steps."""
    return PLAIN[f"{paradigm}_small"].change("features", event_steps=8)


def filled(template, model, log):
    """A network as training might leave it: rows, counts and boundaries differ."""
    network = build(template, model, log.schema)
    initialize(network, 0)
    sample = batches(network, log)[0]
    if network.fits:
        network.fit(sample)
    with torch.no_grad():
        network.train()(sample)
        for module in network.modules():
            if isinstance(module, FrequencyGate):
                module.count += 1
    return network.eval()


def batches(network, log, *, features=None, steps=None, count=2, size=SIZE):
    """The first batches of the log, read with the network's features or with others."""
    found = read_batches(
        log.train,
        log.schema,
        features=network.features if features is None else features,
        events=network.labels,
        batch_size=size,
        steps=network.reads_steps if steps is None else steps,
    )
    return [next(found) for _ in range(count)]
