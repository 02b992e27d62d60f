import pickle

import pytest
import torch

from smt.errors import InputError
from smt.layers.initialize import initialize
from smt.template import build
from smt.training.checkpoint import load_checkpoint, save_checkpoint


def network_of(template, model, log, seed):
    network = build(template, model, log.schema)
    initialize(network, seed)
    return network


@pytest.fixture
def saved(small_template, small_model, small_log, tmp_path):
    network = network_of(small_template, small_model, small_log, 0)
    save_checkpoint(network, tmp_path / "checkpoint")
    return network, tmp_path / "checkpoint"


def test_a_loaded_network_has_every_value_of_the_saved_one(
    saved, small_template, small_model, small_log
):
    before, path = saved
    other = network_of(small_template, small_model, small_log, 1)
    state = before.state_dict()
    assert any(not torch.equal(value, state[name]) for name, value in other.state_dict().items())
    load_checkpoint(other, path)
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


def test_no_file_of_a_checkpoint_is_pickled(saved):
    _, path = saved
    for file in path.iterdir():
        with pytest.raises((pickle.UnpicklingError, UnicodeDecodeError, ValueError, EOFError)):
            pickle.loads(file.read_bytes())


def test_a_checkpoint_of_another_network_is_refused_and_changes_nothing(
    saved, small_template, small_model, small_log
):
    _, path = saved
    wider = small_template.change("architecture", embedding_dim=24)
    other = network_of(wider, small_model, small_log, 1)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(InputError, match=r"is no checkpoint of this network: '.+' is \["):
        load_checkpoint(other, path)
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize("kept", [0, 5, 0.5])
def test_a_half_written_checkpoint_is_refused(saved, kept):
    network, path = saved
    (file,) = path.glob("*.safetensors")
    content = file.read_bytes()
    file.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(InputError, match="is a broken checkpoint"):
        load_checkpoint(network, path)


def test_a_folder_without_one_is_refused(saved, tmp_path):
    network, _ = saved
    with pytest.raises(InputError, match="nowhere: holds no checkpoint"):
        load_checkpoint(network, tmp_path / "nowhere")
