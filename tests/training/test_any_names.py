"""Features and events may have any names: nothing but the names changes."""

import pytest
import torch
from awkward_names import AWKWARD, NAMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from renamed import rename_log, rename_model

from smt.data import open_log, read_batches, write_log
from smt.data.filter import Range
from smt.layers.initialize import initialize
from smt.template import build
from smt.training import train
from smt.training.checkpoint import load_checkpoint, save_checkpoint

FEATURES = {
    "attention": {"pooling": {"kind": "attention", "hidden": 8}, "frequency_gate": 2.0},
    "steps": {
        "sequence": {"kind": "self_attention", "layers": 1, "heads": 2},
        "event_steps": 4,
        "shared_tables": True,
    },
    "made": {
        "position_weighting": {"max_positions": 4, "half_life": 2.0},
        "hashing": {"buckets": 32, "hashes": 2},
        "crosses": {"count": 2, "num_ids": 50},
        "buckets": {"count": 2, "buckets": 4},
    },
}


@pytest.fixture(scope="module")
def model(lean_model):
    return lean_model.model_copy(update={"events": ("click", "conversion")})


@pytest.fixture(scope="module")
def log(small_log):
    """A few rows, of which some have each event."""
    return type(small_log)(
        small_log.schema, small_log.train.slice(0, 1_000), small_log.test, small_log.digest
    )


def columns_of(log):
    return list(dict.fromkeys([*log.schema.stored, *log.schema.steps, *log.schema.delays]))


def first_batch(network, log):
    return next(
        read_batches(
            log.train,
            log.schema,
            features=network.features,
            events=network.labels,
            batch_size=64,
            steps=network.reads_steps,
        )
    )


@pytest.mark.parametrize("column", ["history_events", "history_times"])
def test_a_sequences_column_of_an_empty_name_is_read(column, log, model, small_template):
    template = small_template.change("features", **FEATURES["steps"])
    names = {name: name for name in columns_of(log)} | {column: ""}
    renamed = build(template, rename_model(model, names), rename_log(log, names).schema)
    network = build(template, model, log.schema)
    assert len(renamed.state_dict()) == len(network.state_dict())


@pytest.mark.parametrize("features", FEATURES)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_network_of_other_names_computes_the_same(features, log, model, small_template, data):
    columns = columns_of(log)
    drawn = data.draw(st.lists(NAMES, min_size=len(columns), max_size=len(columns), unique=True))
    names = dict(zip(columns, drawn, strict=True))
    template = small_template.change("features", **FEATURES[features])
    renamed_log, renamed_model = rename_log(log, names), rename_model(model, names)
    network = build(template, model, log.schema)
    renamed = build(template, renamed_model, renamed_log.schema)
    initialize(network, 0)
    initialize(renamed, 0)
    batch, renamed_batch = first_batch(network, log), first_batch(renamed, renamed_log)
    for each, examples in ((network, batch), (renamed, renamed_batch)):
        if each.fits:
            each.fit(examples)
    state = zip(renamed.state_dict(), network.state_dict().values(), strict=True)
    renamed.load_state_dict(dict(state))
    with torch.no_grad():
        assert torch.equal(network(batch), renamed(renamed_batch))


@pytest.mark.parametrize("features", FEATURES)
def test_a_model_of_awkward_names_trains_on_a_log_on_disk(
    features, log, model, small_template, tmp_path
):
    names = dict(zip(columns_of(log), AWKWARD[len(features) :], strict=False))
    renamed, own = rename_log(log, names), rename_model(model, names)
    write_log(tmp_path / "log", renamed.schema, renamed.train, renamed.test)
    on_disk = open_log(tmp_path / "log")
    assert on_disk.schema == renamed.schema
    template = small_template.change("features", **FEATURES[features])
    own = own.model_copy(update={"filter": {names["hour"]: Range(at_least=3)}})
    assert train(template, own, on_disk).ne == train(template, own, renamed).ne < 1.5
    network, other = (build(template, own, renamed.schema) for _ in range(2))
    initialize(network, 1)
    save_checkpoint(network, tmp_path / "checkpoint")
    load_checkpoint(other, tmp_path / "checkpoint")
    before = network.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
