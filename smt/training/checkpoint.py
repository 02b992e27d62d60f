"""A trained network on disk: PyTorch's distributed checkpoints, their tensors as safetensors.

DCP's own format has a pickled index. This one has none, so a checkpoint can come from anywhere.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from smt.errors import InputError
from smt.layers.networks import Network


def save_checkpoint(network: Network, path: str | Path) -> None:
    """Write a plain network's parameters and buffers into a folder, which is made."""
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    with _one_process():
        save(state, storage_writer=HuggingFaceStorageWriter(str(path)), no_dist=True)


@torch.no_grad()
def load_checkpoint(network: Network, path: str | Path) -> None:
    """Give a network, built from the same template for the same model, a checkpoint's values.

    Raises:
        InputError: The folder holds no checkpoint of this network, or a broken one.
    """
    if not list(Path(path).glob("*.safetensors")):
        raise InputError(f"{path}: holds no checkpoint, no *.safetensors")
    reader = HuggingFaceStorageReader(str(path))
    wanted = network.state_dict()
    try:
        held = reader.read_metadata().state_dict_metadata
    except SafetensorError as error:
        raise InputError(f"{path}: is a broken checkpoint: {error}") from None
    for name, value in wanted.items():
        tensor = held.get(name)
        size = tensor.size if isinstance(tensor, TensorStorageMetadata) else None
        if size != value.shape:
            found = "is not there" if size is None else f"is {[*size]}"
            raise InputError(
                f"{path}: is no checkpoint of this network: '{name}' {found}, the network's is "
                f"{[*value.shape]}"
            )
    state = {name: torch.empty_like(value) for name, value in wanted.items()}
    with _one_process():
        load(state, storage_reader=reader, no_dist=True)
    network.load_state_dict(state)


@contextmanager
def _one_process() -> Iterator[None]:
    """DCP warns where one process alone saves or loads, which is meant here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield
