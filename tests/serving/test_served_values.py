"""Programs that serve the means of values, alone and beside probabilities."""

from types import SimpleNamespace

import pytest
import torch
from served_networks import FEATURES, batches, filled, with_everything, with_steps

from smt.data.simulator import Simulator
from smt.serving import ParityError, export_network, load_exported
from smt.serving.extreme_requests import extreme_requests
from smt.serving.parity import TOLERANCE, Exports, compare, largest_distance, require_parity

TEMPLATES = {
    "sparsenn": with_everything("sparsenn"),
    "decoupled_sparsenn": with_steps("decoupled_sparsenn"),
}
EVENTS = ("click", "watch_time")
RATES = {"click": 0.1, "watch_time": 8_600.0}


@pytest.fixture(scope="module")
def log(small_simulator):
    spec = small_simulator.spec.model_copy(update={"watch_time": True})
    return Simulator(spec).log()


@pytest.fixture(scope="module")
def exported(log, small_model, tmp_path_factory):
    """Paradigm -> a network of an event and a value, as of milliseconds, and its programs."""
    model = small_model.model_copy(update={"features": FEATURES, "events": EVENTS})
    found = {}
    for paradigm, template in TEMPLATES.items():
        network = filled(template, model, log)
        network.start_at(RATES)
        path = tmp_path_factory.mktemp(paradigm)
        report = export_network(network, template, path, batches=batches(network, log))
        program = load_exported(path)
        found[paradigm] = SimpleNamespace(
            network=network, path=path, report=report, program=program
        )
    return found


@pytest.mark.parametrize("paradigm", TEMPLATES)
def test_programs_serve_probabilities_and_means_in_the_labels_unit(exported, log, paradigm):
    one = exported[paradigm]
    for batch in batches(one.network, log, count=3, size=50):
        with torch.no_grad():
            outputs = one.network(batch)
        found = one.program(batch)
        torch.testing.assert_close(found[:, 0], outputs[:, 0].sigmoid(), rtol=0, atol=1e-6)
        torch.testing.assert_close(found[:, 1], outputs[:, 1].exp(), rtol=1e-5, atol=0)
        assert 100 < found[:, 1].mean().item() < 1e6
    assert one.report.differences.from_served <= TOLERANCE
    assert one.report.events == EVENTS


@pytest.mark.parametrize("paradigm", TEMPLATES)
def test_what_no_log_holds_has_finite_scores(exported, paradigm):
    one = exported[paradigm]
    batch = extreme_requests(one.network, 300, steps=20, generator=torch.Generator().manual_seed(1))
    found = one.program(batch)
    assert found.isfinite().all()
    assert (found[:, 1] > 0).all()


def test_towers_scores_are_those_of_the_whole(exported):
    assert exported["decoupled_sparsenn"].report.differences.from_towers <= TOLERANCE


@pytest.mark.parametrize(("factor", "equal"), [(1 + 1e-7, True), (1.001, False)])
def test_means_that_differ_by_a_share_of_them_are_found_out(exported, log, factor, equal):
    one = exported["sparsenn"]
    network = one.network
    (batch,) = batches(network, log, count=1)
    program = one.program

    def other(_):
        scores = program(batch).clone()
        scores[:, 1] *= factor
        return scores

    inputs = SimpleNamespace(of=lambda examples, held: None)
    exports = Exports(network, network, {"network": (other, inputs)}, None, 0.0)
    differences = compare(exports, [batch], largest_distance)
    if equal:
        require_parity(differences, rounded=False, what="examples")
    else:
        with pytest.raises(ParityError):
            require_parity(differences, rounded=False, what="examples")
