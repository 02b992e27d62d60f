from types import SimpleNamespace

import pytest
import torch
from served_networks import FEATURES, batches, filled, with_everything, with_steps

from smt.data import Batch
from smt.errors import InputError
from smt.layers.examples import Examples
from smt.serving import ParityError, export_network, load_exported, serve
from smt.serving.export import ExportReport
from smt.serving.extreme_requests import extreme_requests
from smt.serving.parity import Differences, largest_distance, require_parity
from smt.serving.requests import random_requests
from smt.template import load_version

# Tracing takes seconds: only one has everything.
TEMPLATES = {
    "sparsenn": with_everything("sparsenn"),
    "decoupled_sparsenn": with_steps("decoupled_sparsenn"),
}
CORRECTION = -0.7


@pytest.fixture(scope="module")
def exported(small_log, small_model, tmp_path_factory):
    """Paradigm -> a network with every kind of feature, and what was exported of it."""
    model = small_model.model_copy(update={"features": FEATURES, "events": ("click", "like")})
    found = {}
    for paradigm, template in TEMPLATES.items():
        network = filled(template, model, small_log)
        path = tmp_path_factory.mktemp(paradigm)
        report = export_network(
            network,
            template,
            path,
            batches=batches(network, small_log),
            correction=CORRECTION,
            model="m",
        )
        program = load_exported(path)
        found[paradigm] = SimpleNamespace(
            network=network, path=path, report=report, program=program
        )
    return found


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def probabilities(network, batch):
    with torch.no_grad():
        return torch.sigmoid(network(batch) + CORRECTION)


@pytest.mark.parametrize("paradigm", TEMPLATES)
def test_programs_give_the_networks_scores(exported, small_log, paradigm):
    one = exported[paradigm]
    for batch in batches(one.network, small_log, count=3, size=50):
        close(one.program(batch), probabilities(one.network, batch))


@pytest.mark.parametrize("paradigm", TEMPLATES)
@pytest.mark.parametrize("size", [1, 2, 300])
def test_a_program_takes_requests_of_any_size(exported, paradigm, size):
    one = exported[paradigm]
    batch = random_requests(one.network, size, steps=30, generator=torch.Generator().manual_seed(1))
    found = one.program(batch)
    assert found.shape == (size, 2)
    close(found, probabilities(one.network, batch))


@pytest.mark.parametrize("paradigm", TEMPLATES)
@pytest.mark.parametrize("size", [0, 1, 300])
def test_programs_give_the_networks_scores_of_what_no_log_holds(exported, paradigm, size):
    one = exported[paradigm]
    batch = extreme_requests(
        one.network, size, steps=20, generator=torch.Generator().manual_seed(1)
    )
    found = one.program(batch)
    assert found.shape == (size, 2)
    assert found.isfinite().all()
    close(found, probabilities(one.network, batch))


@pytest.mark.parametrize("steps", [0, 1])
def test_a_program_takes_lists_without_ids(exported, steps):
    one = exported["sparsenn"]
    generator = torch.Generator().manual_seed(0)
    batch = without_lists(random_requests(one.network, 3, steps=0, generator=generator), steps)
    close(one.program(batch), probabilities(one.network, batch))


def without_lists(batch: Batch, total: int) -> Batch:
    """Every list empty, but for the first, which has `total` ids."""
    for lists in batch.id_lists.values():
        lists._values = torch.zeros(total, dtype=torch.int64)
        lists._lengths = torch.tensor([total, 0, 0], dtype=torch.int32)
        lists._offsets = torch.tensor([0, total, total, total], dtype=torch.int32)
    return batch


def test_a_program_moves_to_another_device(exported, small_log):
    one = exported["decoupled_sparsenn"]
    item = one.report.programs["item"]
    (batch,) = batches(one.network, small_log, features=item.features, steps=False, count=1)
    found = load_exported(one.path, "item", device="meta")(batch)
    assert found.device.type == "meta"
    assert found.shape == (64, 2, 16)


def test_towers_read_nothing_of_each_other(exported, small_log):
    one = exported["decoupled_sparsenn"]
    user, item = one.report.programs["user"], one.report.programs["item"]
    assert not {*user.features} & {*item.features}
    assert {*user.features} | {*item.features} == {*one.network.features}
    assert {"history", "user", "user_age"} == {*user.features}
    assert user.timestamps
    assert not item.timestamps


def test_towers_read_logs_with_their_own_features(exported, small_log):
    one = exported["decoupled_sparsenn"]
    (whole,) = batches(one.network, small_log, count=1)
    vectors = {}
    for name in ("user", "item"):
        inputs = one.report.programs[name]
        (batch,) = batches(
            one.network, small_log, features=inputs.features, steps=inputs.reads_steps, count=1
        )
        vectors[name] = load_exported(one.path, name)(batch)
    dim = one.network.logits.dim
    assert vectors["user"].shape == vectors["item"].shape == (64, 2, dim)
    score = torch.export.load(one.path / "score.pt2").module()
    close(score(vectors["user"], vectors["item"]), probabilities(one.network, whole))


def test_an_index_of_item_vectors_ranks_as_the_network_does(exported, small_log):
    one = exported["decoupled_sparsenn"]
    (batch,) = batches(one.network, small_log, count=1)
    item = one.report.programs["item"]
    (items,) = batches(one.network, small_log, features=item.features, steps=False, count=1)
    index = load_exported(one.path, "item")(items)
    with torch.no_grad():
        user = one.network.user_vectors(Examples.of(batch, training=False))[:1]
        logits = one.network.logits.score(user, index)
    dots = index[:, 0] @ user[0, 0]
    assert torch.equal(dots.argsort(), logits[0, :, 0].argsort())


def test_the_manifest_says_what_was_exported(exported, small_log):
    one = exported["sparsenn"]
    report = ExportReport.load(one.path / "manifest.yaml")
    assert report == one.report
    assert report.model == "m"
    assert report.events == ("click", "like")
    assert report.correction == CORRECTION
    assert report.precision == "fp32"
    assert [*report.programs] == ["network"]
    assert {*report.programs["network"].features} == {*FEATURES}
    assert report.programs["network"].steps == small_log.schema.steps
    assert report.differences.examples == 128


def test_there_is_no_tower_to_load_where_there_is_one_only(exported):
    with pytest.raises(InputError, match="no program 'item'; known: network"):
        load_exported(exported["sparsenn"].path, "item")


def test_batches_read_with_other_features_are_refused(exported, small_log):
    one = exported["sparsenn"]
    (batch,) = batches(one.network, small_log, features=("user", "item"), count=1)
    with pytest.raises(ValueError, match="0 numeric features and 2 ids, not the 2 and 2"):
        one.program(batch)


def test_coarse_tables_are_reported_and_not_refused(small_log, small_model, tmp_path):
    template = load_version("sparsenn_small", 1).change("serving", table_precision="int8")
    model = small_model.model_copy(update={"features": ("user", "item", "history")})
    network = filled(template, model, small_log)
    found = batches(network, small_log)
    report = export_network(network, template, tmp_path, batches=found)
    assert report.differences.from_served <= 1e-6
    served = serve(network, "int8")
    with torch.no_grad():
        expected = max(
            float((served(b).sigmoid() - network(b).sigmoid()).abs().max()) for b in found
        )
    assert report.differences.from_trained == pytest.approx(expected, abs=1e-6)
    assert 1e-6 < report.differences.from_trained < 0.01


@pytest.mark.parametrize(
    ("differing", "message"),
    [
        ({"from_served": 2e-6}, "the network that it serves by 2.00e-06, on 10 examples"),
        ({"from_trained": 1.0}, "the trained network by 1.00e"),
        ({"from_towers": float("inf")}, "the score of its towers by inf"),
    ],
)
def test_a_program_that_scores_otherwise_is_refused(differing, message):
    equal = {"examples": 10, "from_served": 0.0, "from_trained": 0.0, "from_towers": 0.0}
    differences = Differences.model_construct(**{**equal, **differing})
    with pytest.raises(ParityError, match=message):
        require_parity(differences, rounded=False, what="examples")


def test_no_score_on_an_example_of_a_log_is_no_agreement():
    nothing = torch.tensor([[float("nan")]])
    equal = {"examples": 1, "from_trained": 0.0, "from_towers": None}
    differences = Differences.model_construct(
        from_served=largest_distance(nothing, nothing), **equal
    )
    with pytest.raises(ParityError, match="by nan"):
        require_parity(differences, rounded=False, what="examples")
