"""Draft a fleet for a log: a model for every combination that has enough positives."""

from dataclasses import dataclass

from smt.command_line import run


@dataclass(frozen=True)
class Config:
    """Arguments of a draft.

    Attributes:
        frame: YAML fleet file with the log, stages, surfaces and data constraints; models
            that it lists are replaced.
        out: YAML file to write.
        log: Log folder to use in place of the one that the frame names.
        min_positives: Least positives (and negatives) in a model's test window.
    """

    frame: str
    out: str
    log: str | None = None
    min_positives: int = 200


def main(config: Config) -> None:
    """Count, draft, write."""
    from smt.fleet.draft import draft_models, write_fleet
    from smt.fleet.fleet_file import FleetFile
    from smt.fleet.logs import open_source

    frame = FleetFile.load(config.frame)
    log = open_source(config.log or frame.log)
    fleet = draft_models(frame, log, min_positives=config.min_positives)
    write_fleet(fleet, config.out)
    print(f"{config.out}: {len(fleet.models)} models")


if __name__ == "__main__":
    run(main, Config)
