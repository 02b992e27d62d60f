"""Draft a fleet for a log: a model for every combination that has enough positives."""

from dataclasses import dataclass

from smt.command_line import run


@dataclass(frozen=True)
class Config:
    """Arguments of a draft.

    Attributes:
        out: YAML file to write.
        frame: YAML fleet file with the log, stages, surfaces and data constraints, and a plan
            (`draft`) if there is one; models that it lists are replaced. Where not given,
            the schema of `log` tells a frame.
        log: Log folder to use in place of the one that the frame names.
        min_positives: Least positives (and negatives) in a model's test window; the plan's, or
            200, where not given.
    """

    out: str
    frame: str | None = None
    log: str | None = None
    min_positives: int | None = None


def main(config: Config) -> None:
    """Count, draft, write."""
    from pathlib import Path

    from smt.errors import InputError
    from smt.fleet.draft import draft_models, write_fleet
    from smt.fleet.draft_frame import draft_frame
    from smt.fleet.fleet_file import DraftPlan, load_frame
    from smt.fleet.logs import open_source

    if config.frame is not None:
        frame = load_frame(config.frame)
        if config.log is not None:
            frame = frame.model_copy(update={"log": config.log})
    elif config.log is not None:
        frame = draft_frame(Path(config.out).stem, config.log, open_source(config.log))
    else:
        raise InputError("--frame or --log must be given: what the fleet is drafted for")
    if config.min_positives is not None:
        plan = (frame.draft or DraftPlan()).to_dict()
        changed = DraftPlan.parse(
            {**plan, "min_positives": config.min_positives}, source="--min-positives"
        )
        frame = frame.model_copy(update={"draft": changed})
    fleet = draft_models(frame)
    write_fleet(fleet, config.out)
    print(f"{config.out}: {len(fleet.models)} models")


if __name__ == "__main__":
    run(main, Config)
