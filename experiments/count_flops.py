"""Count what the six templates' networks cost over fleets, and draw it (Fig. 3 of the paper)."""

from dataclasses import dataclass

from smt.command_line import open_console, run


@dataclass(frozen=True)
class Config:
    """Arguments of a count.

    Attributes:
        out: Folder (or URI: s3://…, gs://…) for flops.parquet, result.json, report.html.
        fleet: YAML files of fleets. Of their logs, only schemas are read.
    """

    out: str
    fleet: tuple[str, ...] = ("experiments/fleets/simulated.yaml",)


def main(config: Config) -> None:
    """Count, save, report."""
    from smt.errors import InputError
    from smt.fleet import load_fleet
    from smt.report.pages.flops import write_flops_report
    from smt.report.terminal.flops import flops_summary
    from smt.results.flops import save_flops
    from smt.storage import Folder
    from smt.template.network_counts import count_networks

    if not config.fleet:
        raise InputError("--fleet names no file; give at least one")
    console = open_console(highlight=False)
    counts = []
    for fleet in [load_fleet(path) for path in config.fleet]:
        counted = count_networks(fleet)
        console.print(f"{fleet.name}: {len(fleet.models)} models, {len(counted)} networks counted")
        counts += counted
    folder = Folder(config.out)
    console.print(flops_summary(save_flops(counts, folder)))
    console.print(f"report: {write_flops_report(folder)}", soft_wrap=True)


if __name__ == "__main__":
    run(main, Config)
