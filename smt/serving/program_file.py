"""A program's file: traced once of modules that are alike, and written with each one's weights."""

import gc
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.export.passes import move_to_device_pass
from torch.export.pt2_archive import PT2ArchiveReader, PT2ArchiveWriter
from torch.export.pt2_archive.constants import WEIGHTS_CONFIG_FILENAME_FORMAT, WEIGHTS_DIR
from torch.func import functional_call

from smt.serving.signature import UndescribedError, bytes_of, signature

KEPT = 128
"""Programs without weights that a process keeps: those of a fleet's models differ in few ways."""

CPU = torch.device("cpu")
Program = Callable[..., Tensor]

# As `torch.export.save` calls the one program of an archive.
_WEIGHTS = WEIGHTS_CONFIG_FILENAME_FORMAT.format("model")
_WRITERS = (".data/", "byteorder", "version")


def write_program(
    module: nn.Module, arguments: tuple[object, ...], shapes: tuple[object, ...], path: Path
) -> Program:
    """Write a module in evaluation mode as `torch.export.save` does, and read it from there.

    A module that differs from one that this process has traced in the values of its weights alone
    is not traced again: the file has the other's program and its own weights.

    Args:
        arguments: With which it is traced.
        shapes: As `torch.export.export` takes them.

    Returns:
        The program in the file.
    """
    traced = _traced(module, arguments, shapes)
    if traced is None:
        path.write_bytes(_export(module, arguments, shapes).getbuffer())
        return load_program(path)
    traced.write(module.state_dict(), path)
    return traced.read(path)


def load_program(path: Path, device: torch.device = CPU) -> Program:
    """The program in a file."""
    program = torch.export.load(path)
    if device.type != "cpu":
        program = move_to_device_pass(program, device)
    return cast(Program, program.module())


@dataclass(frozen=True)
class TracedProgram:
    """A program without its weights.

    Attributes:
        records: Of its archive, by name, in their order; None where a weight is.
        weights: Name -> its record.
        module: As loaded.
    """

    records: dict[str, bytes | None]
    weights: dict[str, str]
    module: nn.Module

    @classmethod
    def of(cls, archive: io.BytesIO) -> Self | None:
        """Of a saved program; None where a weight is not in a record of its own."""
        module = torch.export.load(archive).module()
        held = module.state_dict()
        archive.seek(0)
        with PT2ArchiveReader(archive) as reader:
            config = json.loads(reader.read_string(_WEIGHTS))["config"]
            weights = {name: f"{WEIGHTS_DIR}{meta['path_name']}" for name, meta in config.items()}
            if len({*weights.values()}) < len(weights) or any(
                config[name]["use_pickle"] or reader.read_bytes(record) != bytes_of(held[name])
                for name, record in weights.items()
            ):
                return None
            places = {*weights.values()}
            records = {
                name: None if name in places else reader.read_bytes(name)
                for name in _records(reader)
            }
        nothing = {name: held[name].to("meta") for name in weights}
        module.load_state_dict(nothing, strict=False, assign=True)
        return cls(records, weights, module)

    def write(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Write the program with these."""
        names = {record: name for name, record in self.weights.items()}
        # Through memory: where torch cannot write to a file, its writer ends the whole process.
        written = io.BytesIO()
        with PT2ArchiveWriter(written) as writer:
            for record, content in self.records.items():
                own = bytes_of(weights[names[record]]) if content is None else content
                writer.write_bytes(record, own)
        path.write_bytes(written.getbuffer())

    def read(self, path: Path) -> Program:
        """The program in a file: this one, with the file's weights.

        Raises:
            ValueError: The file holds another.
        """
        metas = self.module.state_dict()
        with PT2ArchiveReader(str(path)) as reader:
            if _records(reader) != [*self.records] or any(
                content is not None and reader.read_bytes(name) != content
                for name, content in self.records.items()
            ):
                raise ValueError(f"{path} does not hold the program that was written")
            weights = {
                name: _tensor(reader.read_bytes(record), metas[name])
                for name, record in self.weights.items()
            }
        return partial(_call, self.module, weights)


def _traced(
    module: nn.Module, arguments: tuple[object, ...], shapes: tuple[object, ...]
) -> TracedProgram | None:
    """What modules like this one are traced to; None where that cannot be shared."""
    try:
        known = _known(signature(module, arguments, shapes))
    except UndescribedError:
        return None
    if not known:
        with _without_garbage_collection():
            known.append(TracedProgram.of(_export(module, arguments, shapes)))
    return known[0]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Tracing makes millions of objects, which the collector would look through again and again."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


@lru_cache(maxsize=KEPT)
def _known(signature: str) -> list[TracedProgram | None]:
    """Where the program of modules with this signature is, once it is traced."""
    return []


def _export(
    module: nn.Module, arguments: tuple[object, ...], shapes: tuple[object, ...]
) -> io.BytesIO:
    with torch.no_grad():
        program = torch.export.export(module, arguments, dynamic_shapes=shapes)
    written = io.BytesIO()
    torch.export.save(program, written)
    return written


def _records(reader: PT2ArchiveReader) -> list[str]:
    """Names of an archive's, without those that every writer adds by itself."""
    return [name for name in reader.get_file_names() if not name.startswith(_WRITERS)]


def _tensor(content: bytes, meta: Tensor) -> Tensor:
    if not content:
        return torch.empty(meta.shape, dtype=meta.dtype)
    return torch.frombuffer(bytearray(content), dtype=meta.dtype).view(meta.shape)


def _call(module: nn.Module, weights: dict[str, Tensor], *arguments: object) -> Tensor:
    return cast(Tensor, functional_call(module, weights, arguments))
