import math

import pytest
import torch
from served_networks import FEATURES, filled

from smt.layers.examples import Examples
from smt.serving.extreme_requests import extreme_requests
from smt.serving.inputs import held_by
from smt.serving.programs import programs_of
from smt.serving.requests import random_requests
from smt.serving.serve import serve
from smt.techniques import catalogue
from smt.template import Choice, Float
from smt.template import catalogue as templates

CHANGE_NETWORKS = [
    technique for technique in catalogue.values() if technique.part in ("architecture", "features")
] + [catalogue[name] for name in ("auxiliary_events", "auxiliary_numerics", "past_rates")]


def middle(domain):
    if isinstance(domain, Choice):
        return domain.values[-1]
    value = math.sqrt(domain.low * domain.high) if domain.log else (domain.low + domain.high) / 2
    return value if isinstance(domain, Float) else round(value)


@pytest.mark.slow
@pytest.mark.parametrize("technique", CHANGE_NETWORKS, ids=lambda technique: technique.name)
def test_every_technique_exports_for_all_sizes_and_values(technique, small_log, small_model):
    theta = {name: middle(domain) for name, domain in technique.space.items()}
    base = next(each for each in templates.values() if technique.applies_to(each))
    template = technique.apply(base, theta)
    model = small_model.model_copy(update={"features": FEATURES, "events": ("click", "conversion")})
    network = filled(template, model, small_log)
    served = serve(network, "fp32")
    held = held_by(network)
    module, inputs = programs_of(served, 0.0)["network"]

    def argument(batch):
        return inputs.of(Examples.of(batch, training=False), held)

    generator = torch.Generator().manual_seed(0)
    traced = random_requests(network, 8, steps=20, generator=generator)
    with torch.no_grad():
        exported = torch.export.export(
            module.eval(), (argument(traced),), dynamic_shapes=(inputs.shapes(),)
        )
    program = exported.module()
    for size in (0, 1, 2, 100):
        for requests in (random_requests, extreme_requests):
            batch = requests(network, size, steps=30, generator=generator)
            with torch.no_grad():
                found, expected = program(argument(batch)), torch.sigmoid(network(batch))
            # An example whose own numbers overflow has no score in either.
            overflows = requests is extreme_requests
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-6, equal_nan=overflows)
