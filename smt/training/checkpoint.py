"""Networks on disk: PyTorch's distributed checkpoints, their tensors as safetensors.

DCP's own format has a pickled index. This one has none, so a checkpoint can come from anywhere.
"""

import json
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from smt.errors import InputError, sentence
from smt.layers.networks import Network
from smt.training.workers import LOCAL, Workers

INDEX = "model.safetensors.index.json"
"""Written beside the tensors by one worker: which file holds which."""


def save_checkpoint(network: Network, path: str | Path) -> None:
    """Write a plain network's parameters and buffers into a folder, which is made."""
    write_tensors(network.state_dict(), path)


@torch.no_grad()
def load_checkpoint(network: Network, path: str | Path) -> None:
    """Give a network, built from the same template for the same model, a checkpoint's values.

    Raises:
        InputError: The folder holds no checkpoint of this network, or a broken one.
    """
    state = {name: torch.empty_like(value) for name, value in network.state_dict().items()}
    read_tensors(state, path)
    network.load_state_dict(state)


def write_tensors(state: Mapping[str, Any], path: str | Path, workers: Workers = LOCAL) -> None:
    """Write tensors into a folder, which is made; of several workers, each writes its share.

    Args:
        state: Name -> tensor, DTensor or ShardedTensor.

    Raises:
        OSError: It cannot be written, on whichever worker: the disk is full, say. What one
            worker alone wrote is gone then.
    """
    # A file holds contiguous tensors; shards are.
    whole = {n: v.contiguous() if isinstance(v, Tensor) else v for n, v in state.items()}
    alone = workers.count == 1
    writer = HuggingFaceStorageWriter(str(path), save_distributed=not alone)
    try:
        with _one_process():
            save(whole, storage_writer=writer, no_dist=alone)
    # No Exception, but a BaseException of torch's own: nobody who catches what fails expects it.
    except CheckpointException as error:
        if alone:
            shutil.rmtree(path, ignore_errors=True)
        raise OSError(f"{path}: cannot write the checkpoint: {_first_cause(error)}") from None


@torch.no_grad()
def read_tensors(state: Mapping[str, Any], path: str | Path, workers: Workers = LOCAL) -> None:
    """Copy a folder's values into tensors, however either is shared out.

    Args:
        state: Name -> tensor, DTensor or ShardedTensor; all of them must be in the folder.

    Raises:
        InputError: A tensor is not there, has another shape, or the folder is broken; then no
            tensor is changed.
    """
    sizes = held_sizes(path)
    for name, value in state.items():
        if sizes.get(name) != value.size():
            held = "is not there" if name not in sizes else f"is {[*sizes[name]]}"
            raise InputError(
                f"{path}: is no checkpoint of this network: '{name}' {held}, the network's is "
                f"{[*value.size()]}"
            )
    reader = HuggingFaceStorageReader(str(path))
    try:
        with _one_process():
            load(dict(state), storage_reader=reader, no_dist=workers.count == 1)
    except CheckpointException as error:
        raise InputError(f"{path}: is a broken checkpoint: {_first_cause(error)}") from None


def held_sizes(path: str | Path) -> dict[str, torch.Size]:
    """Name -> shape, of the tensors that a folder holds.

    Raises:
        InputError: The folder holds none, or parts of one are missing.
    """
    if not list(Path(path).glob("*.safetensors")):
        raise InputError(f"{path}: holds no checkpoint, no *.safetensors")
    try:
        held = HuggingFaceStorageReader(str(path)).read_metadata().state_dict_metadata
    # What is damaged may be the file, or the JSON in it that says where its parts belong.
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is a broken checkpoint: {sentence(error)}") from None
    _check_index(Path(path), held)
    sizes = {}
    for name, tensor in held.items():
        assert isinstance(tensor, TensorStorageMetadata)
        if sum(chunk.sizes.numel() for chunk in tensor.chunks) != tensor.size.numel():
            raise InputError(f"{path}: is a broken checkpoint: parts of '{name}' are missing")
        sizes[name] = tensor.size
    return sizes


def _check_index(path: Path, held: Iterable[str]) -> None:
    """Raise `InputError` for an index of other tensors or files, which other readers go by."""
    index = path / INDEX
    if not index.exists():
        return
    try:
        files: dict[str, str] = json.loads(index.read_bytes())["weight_map"]
        whole = set(files) == set(held) and all((path / name).is_file() for name in files.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise InputError(
            f"{index}: is a broken index, which does not name the tensors beside it and their "
            "files; write the checkpoint again"
        )


def _first_cause(error: CheckpointException) -> str:
    """What the first worker that failed met, in one line."""
    return sentence(next(iter(error.failures.values()))[0])


@contextmanager
def _one_process() -> Iterator[None]:
    """DCP warns where one process alone saves or loads, which is meant here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield
