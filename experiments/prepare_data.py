"""Turn a data set into a log folder: KuaiRand, Criteo, your own tables, or a simulated log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smt.command_line import open_console, run
from smt.errors import InputError

if TYPE_CHECKING:
    from smt.data.sources import Source


@dataclass(frozen=True)
class KuaiRand:
    """KuaiRand-Pure or KuaiRand-1K, as published at kuairand.com."""

    source: Path
    """Folder with the published CSV files."""
    out: Path
    """Folder to write the log to; it must not hold anything yet."""
    test_share: float = 0.2
    """Share of the rows, the last by time, that becomes the test window."""
    row_group_rows: int = 65_536
    """Rows that are read at once; a worker's share of a batch where large batches are shared."""
    history_length: int = 20
    """Most steps of a user's history."""


@dataclass(frozen=True)
class Criteo:
    """The training file of the Criteo Display Advertising Challenge."""

    source: Path
    """train.txt or train.txt.gz: a label, 13 integers and 26 categories a line."""
    out: Path
    """Folder to write the log to; it must not hold anything yet."""
    test_share: float = 0.2
    """Share of the rows, the last in the file, that becomes the test window."""
    row_group_rows: int = 65_536
    """Rows that are read at once; a worker's share of a batch where large batches are shared."""
    num_ids: int = 100_000
    """Size of the id space that each category is hashed to."""


@dataclass(frozen=True)
class Table:
    """CSV or Parquet files of your own, one row an impression."""

    source: tuple[Path, ...]
    """Files or folders: .csv, .tsv, .txt, .inter … (plain, gzip, zstd or bz2) and .parquet."""
    schema: Path | None = None
    """YAML file that says what each column is."""
    out: Path | None = None
    """Folder to write the log to; it must not hold anything yet."""
    infer: Path | None = None
    """Write the draft of a schema for the files to this new file, for you to edit, and stop."""
    test_share: float = 0.2
    """Share of the rows, the last by time, that becomes the test window."""
    row_group_rows: int = 65_536
    """Rows that are read at once; a worker's share of a batch where large batches are shared."""
    separator: str | None = None
    """What separates the elements of a list in a text; told from the texts by default."""
    delimiter: str | None = None
    """What separates the fields of a text's lines; told from the header by default."""


@dataclass(frozen=True)
class Simulator:
    """A simulated ads log with known truth; the report holds the Bayes-optimal NE."""

    out: Path
    """Folder to write the log to; it must not hold anything yet."""
    rows: int = 200_000
    """Impressions to draw."""
    seed: int = 0
    """Same seed, same log."""
    num_users: int = 5_000
    num_items: int = 2_000
    days: int = 14
    """Length of the log in days, over which items and tastes drift."""
    test_share: float = 0.2
    """Share of the rows, the last by time, that becomes the test window."""
    watch_time: bool = False
    """Add a value to the events: the seconds that were watched."""
    row_group_rows: int = 65_536
    """Rows that are read at once; a worker's share of a batch where large batches are shared."""


Config = (
    Annotated[KuaiRand, tyro.conf.subcommand("kuairand")]
    | Annotated[Criteo, tyro.conf.subcommand("criteo")]
    | Annotated[Table, tyro.conf.subcommand("table")]
    | Annotated[Simulator, tyro.conf.subcommand("simulator")]
)


def read(config: KuaiRand | Criteo | Table | Simulator) -> Source:
    """Read the rows that the command line asks for."""
    if isinstance(config, KuaiRand):
        from smt.data.sources.kuairand import read_kuairand

        return read_kuairand(config.source, history_length=config.history_length)
    if isinstance(config, Criteo):
        from smt.data.sources.criteo import read_criteo

        return read_criteo(config.source, num_ids=config.num_ids)
    if isinstance(config, Table):
        from smt.data.sources.table import read_table

        if config.schema is None:
            raise InputError("--schema is not given; draft one with --infer schema.yaml")
        return read_table(
            config.source, config.schema, separator=config.separator, delimiter=config.delimiter
        )
    from smt.data.simulator import SimulatorSpec
    from smt.data.sources.simulated import read_simulated

    values = {
        name: value
        for name, value in asdict(config).items()
        if name not in ("out", "row_group_rows")
    }
    return read_simulated(SimulatorSpec.parse(values, source="simulator"))


def draft(config: Table, file: Path) -> None:
    """Write a schema for a person to edit."""
    from smt.data.sources.infer import infer_schema

    if file.exists():
        raise InputError(f"{file}: is there already; --infer writes a new file")
    text = infer_schema(config.source, delimiter=config.delimiter)
    file.write_text(text)
    console = open_console()
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(f"drafted: {file}; read its comments, edit it, then give it as --schema")


def main(config: KuaiRand | Criteo | Table | Simulator) -> None:
    """Draft a schema, or prepare a log."""
    if isinstance(config, Table) and config.infer is not None:
        draft(config, config.infer)
    else:
        prepare(config)


def prepare(config: KuaiRand | Criteo | Table | Simulator) -> None:
    """Read, say what was found, split by time and write."""
    # These load torch, which --help should not wait for.

    from smt.data.sources import require_storable, store
    from smt.data.sources.profile import profile_table

    if config.out is None:
        raise InputError("--out is not given; name a new folder for the log")
    console = open_console()
    require_storable(config.out, config.test_share)
    console.print(f"reading: {type(config).__name__}")
    source = read(config)
    if "duplicates_dropped" in source.report:
        console.print(f"dropped {source.report['duplicates_dropped']:,} exact duplicates")
    console.print(profile_table(source.profile))
    for remark in source.remarks:
        console.print(f"warning: {remark}", highlight=False, markup=False)
    console.print(f"writing: {config.out}")
    log = store(
        source,
        config.out,
        test_share=config.test_share,
        row_group_rows=config.row_group_rows,
    )
    for remark in log.report["remarks"]:
        if remark not in source.remarks:
            console.print(f"warning: {remark}", highlight=False, markup=False)
    train_rows, test_rows = log.train.count_rows(), log.test.count_rows()
    console.print(f"{train_rows:,} training rows, {test_rows:,} test rows; digest {log.digest}")


if __name__ == "__main__":
    run(main, Config)
