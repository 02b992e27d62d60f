"""A network as programs that run without this library, and the check that they agree with it."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.export.passes import move_to_device_pass

from smt.data import Batch
from smt.errors import InputError
from smt.layers.examples import Examples
from smt.layers.networks import DecoupledSparseNN, Network
from smt.serving.inputs import ProgramInputs, Tensors, held_by
from smt.serving.programs import TowerScores, programs_of
from smt.serving.requests import random_requests
from smt.serving.serve import evaluating, serve
from smt.serving.tables import Precision
from smt.spec import Spec, suggest
from smt.template import Template

TOLERANCE = 1e-6
"""Largest difference of two probabilities that are equal but for rounding."""

MANIFEST = "manifest.yaml"
TRACED = 8
"""Examples that programs are traced with."""


class ParityError(RuntimeError):
    """An exported program gives other scores than the network that it was made of."""


class Differences(Spec):
    """The largest difference of two probabilities, over all examples that were compared.

    Attributes:
        from_served: The exported program from the network with the same tables.
        from_trained: From the network as it was trained: what rounding tables does.
        from_towers: `score` of `user` and `item` from `network`; None without towers.
    """

    examples: int
    from_served: float
    from_trained: float
    from_towers: float | None


class ExportReport(Spec):
    """What was exported; the manifest beside the programs.

    Attributes:
        model: Name of the model; None where it was not given.
        template, content: The template's name, and the digest of what it holds, the model's own
            hyperparameters included.
        events: What the columns of the scores predict.
        correction: What the programs add to the logits.
        precision: Of the tables.
        batches: What batches hold that are read with the network's features.
        programs: Name -> its inputs; each is a file NAME.pt2. `network` gives `[B, E]`
            probabilities. Of a decoupled network `user` and `item` give `[B, E, V]` vectors,
            and a file `score.pt2` the `[B, E]` probabilities of such users and items; an
            entire-space chain has vectors of the events that it needs as well.
    """

    model: str | None
    template: str
    content: str
    events: tuple[str, ...]
    correction: float
    precision: Precision
    batches: ProgramInputs
    programs: dict[str, ProgramInputs]
    differences: Differences


@dataclass(frozen=True)
class Exported:
    """A program on batches.

    Attributes:
        held: What the batches hold: of `network`, what is read with the network's features;
            of a tower, what is read with the tower's own.
    """

    program: Callable[[Tensors], Tensor]
    inputs: ProgramInputs
    held: ProgramInputs
    device: torch.device

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """`[B, E]` probabilities, or `[B, E, V]` vectors of a tower."""
        examples = Examples.of(batch.to(self.device), training=False)
        return self.program(self.inputs.of(examples, self.held))


def export_network(
    network: Network,
    template: Template,
    path: str | Path,
    *,
    batches: Iterable[Batch] = (),
    correction: float = 0.0,
    model: str | None = None,
) -> ExportReport:
    """Export a network to a folder, and check the programs against it.

    Args:
        network: Trained; it stays as it is.
        template: Its template, with the model's own hyperparameters in it.
        path: Of the folder.
        batches: On which scores are compared, read with the network's features; random ones
            by default.
        correction: Added to the logits, because negatives were left out of the training.
        model: Name of the model, for the manifest.

    Raises:
        ParityError: Scores differ by more than rounding.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    served = serve(network, template.serving.table_precision).cpu()
    traced = random_requests(
        network,
        TRACED,
        steps=template.features.max_steps,
        generator=torch.Generator().manual_seed(0),
    )
    programs = programs_of(served, correction)
    held = held_by(network)
    for name, (module, inputs) in programs.items():
        tensors = inputs.of(Examples.of(traced, training=False), held)
        _export(module, (tensors,), (inputs.shapes(),), path / f"{name}.pt2")
    if isinstance(served, DecoupledSparseNN):
        vectors = torch.randn(TRACED, len(served.labels), served.logits.dim)
        shape = {0: Dim("batch")}
        scores = TowerScores(served, correction)
        _export(scores, (vectors, vectors.clone()), (shape, shape), path / "score.pt2")
    report = ExportReport(
        model=model,
        template=template.name,
        content=template.digest(),
        events=network.events,
        correction=correction,
        precision=template.serving.table_precision,
        batches=held,
        programs={name: inputs for name, (_, inputs) in programs.items()},
        differences=_compare(
            network,
            served,
            path,
            {name: inputs for name, (_, inputs) in programs.items()},
            list(batches) or [traced],
            correction,
        ),
    )
    report.dump(path / MANIFEST)
    _check(report)
    return report


def load_exported(
    path: str | Path, program: str = "network", *, device: str | torch.device = "cpu"
) -> Exported:
    """Load a program that `export_network` left in a folder.

    Args:
        program: `network`, or `user` or `item` of a decoupled network.

    Raises:
        InputError: There is none.
    """
    report = ExportReport.load(Path(path) / MANIFEST)
    if program not in report.programs:
        raise InputError(f"{path}: no program '{program}'; {suggest(program, [*report.programs])}")
    inputs = report.programs[program]
    held = report.batches if program == "network" else inputs
    loaded = _load(Path(path), program, torch.device(device))
    return Exported(loaded, inputs, held, torch.device(device))


def _export(
    module: nn.Module, arguments: tuple[object, ...], shapes: tuple[object, ...], path: Path
) -> None:
    with torch.no_grad():
        program = torch.export.export(module.eval(), arguments, dynamic_shapes=shapes)
    # Through memory: where torch cannot write to a file, its writer ends the whole process.
    written = io.BytesIO()
    torch.export.save(program, written)
    path.write_bytes(written.getbuffer())


def _load(path: Path, program: str, device: torch.device) -> Callable[..., Tensor]:
    exported = torch.export.load(path / f"{program}.pt2")
    if device.type != "cpu":
        exported = move_to_device_pass(exported, device)
    return cast(Callable[..., Tensor], exported.module())


@torch.no_grad()
def _compare(
    network: Network,
    served: Network,
    path: Path,
    programs: dict[str, ProgramInputs],
    batches: list[Batch],
    correction: float,
) -> Differences:
    held = held_by(network)
    device = network.bias.device
    cpu = torch.device("cpu")
    loaded = {name: _load(path, name, cpu) for name in programs}
    score = _load(path, "score", cpu) if "user" in programs else None
    from_served, from_trained, from_towers = [], [], []
    for batch in batches:
        examples = Examples.of(batch, training=False)
        found = {name: loaded[name](inputs.of(examples, held)) for name, inputs in programs.items()}
        exported = found["network"]
        from_served.append(_distance(exported, torch.sigmoid(served(batch) + correction)))
        with evaluating(network):
            trained = torch.sigmoid(network(batch.to(device)).cpu() + correction)
        from_trained.append(_distance(exported, trained))
        if score is not None:
            from_towers.append(_distance(exported, score(found["user"], found["item"])))
    return Differences(
        examples=sum(len(batch) for batch in batches),
        from_served=max(from_served),
        from_trained=max(from_trained),
        from_towers=max(from_towers, default=None),
    )


def _distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max())


def _check(report: ExportReport) -> None:
    """Raise `ParityError` unless what should be equal is."""
    differences = report.differences
    equal = {"the network that it serves": differences.from_served}
    if report.precision == "fp32":
        equal["the trained network"] = differences.from_trained
    if differences.from_towers is not None:
        equal["the score of its towers"] = differences.from_towers
    for other, difference in equal.items():
        # Not `>`: NaN is no agreement.
        if not difference <= TOLERANCE:
            raise ParityError(
                f"the exported program differs from {other} by {difference:.2e}, on "
                f"{differences.examples} examples; {TOLERANCE:.0e} is allowed"
            )
