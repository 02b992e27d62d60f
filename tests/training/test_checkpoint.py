import pickle
import subprocess
import sys

import pytest
import torch

from smt.errors import InputError
from smt.layers.initialize import initialize
from smt.template import build
from smt.training.checkpoint import (
    INDEX,
    load_checkpoint,
    read_tensors,
    save_checkpoint,
    write_tensors,
)


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


LIMITED = """
import resource, signal, sys
import torch
from torch import nn
from smt.serving.program_file import write_program
from smt.training.checkpoint import write_tensors
from pathlib import Path

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
folder = Path(sys.argv[1])
for write in (
    lambda: write_tensors({"table": torch.zeros(100, 100)}, folder / "checkpoint"),
    lambda: write_program(
        nn.Linear(100, 100), (torch.zeros(2, 100),), ({},), folder / "network.pt2"
    ),
):
    try:
        write()
    except Exception as error:
        print(type(error).__name__, "too large" in str(error), (folder / "checkpoint").exists())
"""


def test_what_a_disk_has_no_room_for_is_an_ordinary_error_with_its_reason(tmp_path):
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["OSError True False"] * 2, done.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace("weight_map", "weights"),
        lambda text: text.replace("model-00001", "model-00007"),
        lambda text: text.replace("bias", "bais"),
    ],
)
def test_a_damaged_index_is_refused(saved, damage):
    network, path = saved
    index = path / INDEX
    text = index.read_text()
    assert damage(text) != text
    index.write_text(damage(text))
    with pytest.raises(InputError, match=r"index\.json: is a broken index"):
        load_checkpoint(network, path)


def test_a_damaged_header_is_refused(saved):
    network, path = saved
    (file,) = path.glob("*.safetensors")
    content = file.read_bytes()
    assert b"saved_offsets" in content
    file.write_bytes(content.replace(b"saved_offsets", b"saved_offxets", 1))
    with pytest.raises(InputError, match="is a broken checkpoint: KeyError"):
        load_checkpoint(network, path)


def test_counts_of_a_checkpoint_in_single_precision_are_read(tmp_path):
    write_tensors({"counts": torch.tensor([3.0, 2.0**24])}, tmp_path / "checkpoint")
    counts = torch.zeros(2, dtype=torch.float64)
    read_tensors({"counts": counts}, tmp_path / "checkpoint")
    assert counts.tolist() == [3, 2**24]
