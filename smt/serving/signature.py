"""What tracing a module depends on, as a digest: what it holds, but for the values of weights."""

import enum
import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.export import Dim

from smt.layers.networks import Network

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
# Of a network, what its layers were built from: they hold all of it that they compute with.
_BUILT_FROM = frozenset({"schema", "features", "events", "auxiliary"})
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type, torch.dtype, torch.device)


class UndescribedError(TypeError):
    """A module holds something of which cannot be told whether it is equal to another's."""


def signature(module: nn.Module, arguments: tuple[object, ...], shapes: object) -> str:
    """A digest that is equal only for modules that are traced to the same program.

    Tracing runs Python on tensors without values, so a program is decided by the modules' classes
    and attributes, and by its parameters' and persistent buffers' names, shapes and types. Other
    tensors become constants of the program: their values count.

    Args:
        arguments: With which it is traced; their values are kept in a program's file.
        shapes: Which of their sizes may change.

    Raises:
        UndescribedError: A module has hooks, or holds an object of no kind that is known here.
    """
    described = hashlib.sha256()
    for part in (module, arguments, shapes):
        for word in _words(part):
            described.update(f"{len(word)}:{word};".encode())
    return described.hexdigest()


def bytes_of(tensor: Tensor) -> bytes:
    """Its elements, one after the other."""
    flat = tensor.detach().cpu().contiguous().flatten()
    return flat.view(torch.uint8).numpy().tobytes()


def _words(value: Any) -> Iterator[str]:
    """The value as words: of two values that differ, these do."""
    yield f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, nn.Module):
        yield from _words(_held(value))
    elif isinstance(value, Tensor):
        yield from _meta(value)
        yield hashlib.sha256(bytes_of(value)).hexdigest()
    elif isinstance(value, (*_PLAIN, enum.Enum, Dim)):
        yield repr(value)
    elif isinstance(value, dict):
        yield from _words([part for item in value.items() for part in item])
    elif isinstance(value, list | tuple | torch.Size):
        yield str(len(value))
        for part in value:
            yield from _words(part)
    elif isinstance(value, set | frozenset):
        yield from _words(sorted(value))
    elif isinstance(value, BaseModel):
        yield value.model_dump_json()
    elif is_dataclass(value):
        yield from _words({each.name: getattr(value, each.name) for each in fields(value)})
    elif isinstance(value, FunctionType) and value.__closure__ is None:
        yield f"{value.__module__}.{value.__qualname__}"
    else:
        raise UndescribedError(f"a {type(value).__qualname__} is held, which cannot be compared")


def _held(module: nn.Module) -> dict[str, Any]:
    """Name -> what a module holds; of weights what they are, not their values."""
    hooks = [name for name in _OF_EVERY_MODULE if name.endswith("hooks") and vars(module)[name]]
    if hooks:
        raise UndescribedError(f"a {type(module).__qualname__} has hooks")
    own = {name: held for name, held in vars(module).items() if name not in _OF_EVERY_MODULE}
    if isinstance(module, Network):
        own = {name: held for name, held in own.items() if name not in _BUILT_FROM}
        own["events"] = len(module.events)
    passing = module._non_persistent_buffers_set
    weights = {**module._parameters, **module._buffers}
    return {
        "training": module.training,
        "weights": {
            name: list(_meta(held)) if held is not None and name not in passing else held
            for name, held in weights.items()
        },
        "modules": dict(module._modules),
        **own,
    }


def _meta(tensor: Tensor) -> Iterator[str]:
    """What tracing knows of a tensor."""
    held = (tensor.dtype, tensor.device, tensor.layout, tuple(tensor.shape), tensor.requires_grad)
    yield from map(repr, (type(tensor).__qualname__, *held))
    yield repr((tensor.stride(), tensor.storage_offset()))
