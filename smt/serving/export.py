"""A network as programs that run without this library, and the check that they agree with it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch.export import Dim

from smt.data import Batch, Schema
from smt.data.coding import Dictionary
from smt.data.dictionaries import open_dictionaries, write_dictionaries
from smt.data.reading import NOT_READ, Reading
from smt.data.sources.raw_rows import Codings
from smt.errors import InputError
from smt.layers.examples import Examples
from smt.layers.networks import DecoupledSparseNN, Network
from smt.layers.stored_rows import Precision
from smt.serving.extreme_requests import extreme_requests
from smt.serving.id_inputs import RULES, IdInput, id_inputs, reading_of, schema_of
from smt.serving.inputs import ProgramInputs, held_by
from smt.serving.loaded import Exported
from smt.serving.parity import (
    Differences,
    Exports,
    compare,
    largest_distance,
    largest_without_overflow,
    require_parity,
)
from smt.serving.program_file import Program, load_program, write_program
from smt.serving.programs import TowerScores, programs_of
from smt.serving.requests import random_requests
from smt.serving.serve import serve
from smt.spec import Spec, suggest
from smt.template import Template

MANIFEST = "manifest.yaml"
TRACED = 8
"""Examples that programs are traced with."""
EXTREME = 256
"""Examples of values that no log holds, on which programs are compared too."""


class ExportReport(Spec):
    """What was exported; the manifest beside the programs.

    Attributes:
        model: Name of the model; None where it was not given.
        template, content: The template's name, and the digest of what it holds, the model's own
            hyperparameters included.
        events: What the columns of the scores predict: of an event its probability, of a value its
            mean, in the label's unit.
        correction: What the programs add to the logits.
        precision: Of the tables.
        batches: What batches hold that are read with the network's features.
        programs: Name -> its inputs; each is a file NAME.pt2. `network` gives `[B, E]`
            scores. Of a decoupled network `user` and `item` give `[B, E, V]` vectors,
            and a file `score.pt2` the `[B, E]` scores of such users and items; an
            entire-space chain has vectors of the events that it needs as well.
        rules: In words, how ids are made of raw values, and what becomes of unknown ones.
        ids: Input -> how many ids it has, and which of the rules makes them; of single ids, lists
            and the events of steps.
        log_schema: The part of the log's schema that the programs read.
        reading: What was decided of its columns when the log was made.
        differences: On batches of a log.
        extreme_differences: On unknown ids, missing and extreme values, where an example whose
            own numbers overflow has the score NaN in all of them.
    """

    model: str | None
    template: str
    content: str
    events: tuple[str, ...]
    correction: float
    precision: Precision
    batches: ProgramInputs
    programs: dict[str, ProgramInputs]
    rules: dict[str, str]
    ids: dict[str, IdInput]
    log_schema: Schema
    reading: Reading
    differences: Differences
    extreme_differences: Differences


def export_network(
    network: Network,
    template: Template,
    path: str | Path,
    *,
    batches: Iterable[Batch] = (),
    correction: float = 0.0,
    model: str | None = None,
    reading: Reading = NOT_READ,
    dictionaries: Mapping[str, Dictionary] | None = None,
) -> ExportReport:
    """Export a network to a folder, and check the programs against it.

    Args:
        network: Trained; it stays as it is.
        template: Its template, with the model's own hyperparameters in it.
        batches: On which scores are compared, read with the network's features; random ones
            by default.
        correction: Added to the logits, because negatives were left out of the training.
        model: Name of the model, for the manifest.
        reading: How the log was made of raw values.
        dictionaries: Of the log's id columns whose coding is `dictionary`.

    Raises:
        ParityError: Scores differ by more than rounding.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    served = serve(network, template.serving.table_precision).cpu()
    steps, generator = template.features.max_steps, torch.Generator().manual_seed(0)
    traced = random_requests(network, TRACED, steps=steps, generator=generator)
    extreme = extreme_requests(network, EXTREME, steps=steps, generator=generator)
    programs = programs_of(served, correction)
    held = held_by(network)
    loaded = {}
    for name, (module, inputs) in programs.items():
        tensors = inputs.of(Examples.of(traced, training=False), held)
        file = path / f"{name}.pt2"
        loaded[name] = write_program(module.eval(), (tensors,), (inputs.shapes(),), file), inputs
    score = None
    if isinstance(served, DecoupledSparseNN):
        score = _write_score(TowerScores(served, correction).eval(), served, path / "score.pt2")
    exports = Exports(network, served, loaded, score, correction)
    differences = compare(exports, list(batches) or [traced], largest_distance)
    of_extreme = compare(exports, [extreme], largest_without_overflow)
    schema = schema_of(network.schema, held)
    report = ExportReport(
        model=model,
        template=template.name,
        content=template.digest(),
        events=network.events,
        correction=correction,
        precision=template.serving.table_precision,
        batches=held,
        programs={name: inputs for name, (_, inputs) in programs.items()},
        rules=RULES,
        ids=id_inputs(network.schema, held, reading),
        log_schema=schema,
        reading=reading_of(schema, reading),
        differences=differences,
        extreme_differences=of_extreme,
    )
    report.dump(path / MANIFEST)
    write_dictionaries(path, {n: d for n, d in (dictionaries or {}).items() if n in schema.columns})
    rounded = report.precision != "fp32"
    require_parity(differences, rounded=rounded, what="examples")
    what = "examples of unknown, missing and extreme values"
    require_parity(of_extreme, rounded=rounded, what=what)
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
    loaded = load_program(Path(path) / f"{program}.pt2", torch.device(device))
    # Of a tower's rows, what the tower reads.
    codings = Codings(schema_of(report.log_schema, inputs), report.reading, open_dictionaries(path))
    return Exported(loaded, inputs, held, torch.device(device), report.ids, codings)


def _write_score(scores: TowerScores, served: DecoupledSparseNN, path: Path) -> Program:
    generator, size = torch.Generator().manual_seed(0), (TRACED, len(served.labels))
    user, item = (
        torch.randn(*size, served.logits.dim, generator=generator) for _ in ("user", "item")
    )
    shape = {0: Dim("batch")}
    return write_program(scores, (user, item), (shape, shape), path)
