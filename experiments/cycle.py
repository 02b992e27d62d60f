"""One page that leads through a turn of the wheel: a search, a version, a launch."""

from dataclasses import dataclass

from smt.command_line import open_console, run


@dataclass(frozen=True)
class Config:
    """Arguments of the page.

    Attributes:
        out: Folder (or URI: s3://…, gs://…) of the three runs: `search` of generalize.py,
            `version` of integrate.py and `launch` of instantiate.py. `result.json` and
            `report.html` are written beside them.
    """

    out: str


def main(config: Config) -> None:
    """Read, write, say where."""
    from smt.report.pages.cycle import write_cycle_report
    from smt.storage import Folder

    path = write_cycle_report(Folder(config.out))
    open_console().print(f"report: {path}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    run(main, Config)
