"""The ledger: the durable record of all evaluations of a run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from smt.errors import InputError
from smt.execution.evaluation import Evaluation
from smt.spec import Spec
from smt.storage import Folder

RUN_FILE = "run.json"

Record = TypeVar("Record", bound=Spec)


class Ledger:
    """Evaluations under a folder, one file each, because object stores cannot append.

    An evaluation counts once its file exists. A baseline has a second file, written first,
    with its examples' losses, which paired comparisons need. A file that was damaged since counts
    as none: what it told is made again.
    """

    def __init__(self, folder: Folder, baselines: Folder) -> None:
        """Use `folder` for trials, and `baselines`, which runs may share, for baselines."""
        self.folder = folder
        self._baselines = baselines

    def record(self, evaluation: Evaluation) -> None:
        """Make a trial's evaluation durable."""
        text = evaluation.model_dump_json()
        self.folder.write(f"evaluations/{evaluation.name}.json", text.encode())

    def evaluations(self) -> list[Evaluation]:
        """All trials' evaluations, in the order of their names."""
        names = self.folder.list("evaluations", ".json")
        records = [read_record(Evaluation, self.folder, name) for name in names]
        return [evaluation for evaluation in records if evaluation is not None]

    def record_proposal(self, technique: str, trial: int, proposal: dict[str, Any]) -> None:
        """Make what a search decided to try durable, before it is tried."""
        text = json.dumps(proposal, indent=2)
        self.folder.write(f"proposals/{technique}/{trial:04d}.json", text.encode())

    def proposals(self, technique: str) -> dict[int, dict[str, Any]]:
        """Trial number -> what was decided to try."""
        names = self.folder.list(f"proposals/{technique}", ".json")
        proposals = {
            int(name.rpartition("/")[2].removesuffix(".json")): _read_json(self.folder, name)
            for name in names
        }
        return {trial: proposal for trial, proposal in proposals.items() if proposal is not None}

    def record_baseline(self, evaluation: Evaluation, losses: NDArray[np.float32]) -> None:
        """Make a baseline and its `[n]` losses durable."""
        key = evaluation.key
        self._baselines.write_table(f"{key}.parquet", pa.table({"loss": losses}))
        self._baselines.write(f"{key}.json", evaluation.model_dump_json().encode())

    def baseline(self, key: str) -> tuple[Evaluation, NDArray[np.float32]] | None:
        """A baseline recorded by this run, or another that shares the folder."""
        if not self._baselines.exists(f"{key}.json"):
            return None
        evaluation = read_record(Evaluation, self._baselines, f"{key}.json")
        try:
            losses = self._baselines.read_table(f"{key}.parquet")["loss"].to_numpy()
        except (pa.ArrowException, OSError, KeyError):
            return None
        return None if evaluation is None else (evaluation, losses)


def read_record(kind: type[Record], folder: Folder, name: str) -> Record | None:
    """A spec as it was recorded; None where the file is damaged.

    Raises:
        InputError: The file is whole, and of another version of this package.
    """
    plain = _read_json(folder, name)
    return None if plain is None else kind.parse(plain, source=folder.path(name))


def _read_json(folder: Folder, name: str) -> Any | None:
    """Plain data; None where the file is damaged."""
    try:
        return json.loads(folder.read(name))
    except ValueError:
        return None


def read_identity(folder: Folder) -> dict[str, Any]:
    """Of the run that the folder holds; nothing where it holds none, or the file is damaged."""
    return (_read_json(folder, RUN_FILE) or {}) if folder.exists(RUN_FILE) else {}


@contextmanager
def claim_run(folder: Folder, identity: dict[str, Any], *, resume: bool) -> Iterator[None]:
    """Claim a folder for a run, or check that it holds this very run; no other process has it then.

    `smt.execution.run.open_run` does, and starts what trains.

    Args:
        identity: Plain data that determines the run's result.

    Raises:
        InputError: The folder holds another run or other files, there is none to resume, or
            another process is at it.
    """
    _check_identity(folder, identity, resume=resume)
    with folder.claimed():
        # Another process may have come first.
        _check_identity(folder, identity, resume=resume)
        if not folder.exists(RUN_FILE):
            folder.write(RUN_FILE, json.dumps(identity, indent=2).encode())
        yield


def check_place(folder: Folder, *, resume: bool) -> None:
    """Raise `InputError` where a folder holds another run or files, or none to resume."""
    if not folder.exists(RUN_FILE):
        if resume:
            raise InputError(f"{folder.location}: holds no run to resume")
        if folder.list():
            raise InputError(
                f"{folder.location}: is not empty and holds no run; choose another --out"
            )
    elif not resume:
        raise InputError(
            f"{folder.location}: holds a run already; continue it with --resume, "
            "or choose another --out"
        )


def _check_identity(folder: Folder, identity: dict[str, Any], *, resume: bool) -> None:
    check_place(folder, resume=resume)
    if not folder.exists(RUN_FILE):
        return
    before = _read_json(folder, RUN_FILE)
    if before is None:
        raise InputError(
            f"{folder.path(RUN_FILE)}: is damaged, and what the folder holds is not known without "
            "it; restore it, or choose another --out"
        )
    for name in identity:
        if before.get(name) != json.loads(json.dumps(identity[name])):
            raise InputError(
                f"{folder.location}: holds a run with another {name}; resume it with the same "
                "arguments, or choose another --out"
            )
