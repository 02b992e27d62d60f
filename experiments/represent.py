"""Choose the models that stand for a fleet, and those held out, and say how surely."""

from dataclasses import dataclass, field

from smt.command_line import open_console, run


@dataclass(frozen=True)
class Config:
    """Arguments of a choice.

    Attributes:
        out: Folder (or URI: s3://…, gs://…) for fleet.parquet, result.json, report.html.
        fleet: YAML file of the fleet. Of its logs, events are counted.
        log: Log folder to use in place of the one that the fleet names.
        template: Counts the inference FLOPs of all models: NAME, NAME@N, or a YAML file that holds
            one; where not given each model's own does, by the fleet's rules, and sparsenn_small
            where it has none.
        templates: Folder (or URI) of templates' versions that are called by name; the package's
            own by default.
        representatives: How many; the elbow decides where not given.
        holdout: How many models are held out; as many as there are representatives where not
            given.
        attribute_weights: How much an attribute counts, as in `event 2 surface 0.5`; 1 where not
            given, 0 leaves it out. One of stage, inference_flops, inference_hardware, event,
            surface, data_constraint.
        resamples: Fleets drawn with replacement, to see whether the same models come out.
        seed: Of k-means, the draws and the resamples.
    """

    out: str
    fleet: str = "experiments/fleets/simulated.yaml"
    log: str | None = None
    template: str | None = None
    templates: str | None = None
    representatives: int | None = None
    holdout: int | None = None
    attribute_weights: dict[str, float] = field(default_factory=dict)
    resamples: int = 50
    seed: int = 0


def main(config: Config) -> None:
    """Count, choose, resample, save, report."""
    from smt.errors import InputError
    from smt.fleet import (
        AttributeWeights,
        draw_holdout,
        load_fleet,
        measure_stability,
        open_fleet,
        select_representatives,
    )
    from smt.report.pages.representatives import write_representatives_report
    from smt.report.terminal.representatives import representatives_summary
    from smt.results.representatives import save_representatives
    from smt.storage import Folder
    from smt.template import above_flops_limit, count_fleet_flops, find_fleet_templates
    from smt.template.versions import TEMPLATES

    if config.resamples < 1:
        raise InputError(f"--resamples is {config.resamples}; it must be at least 1")
    weights = AttributeWeights.parse(config.attribute_weights, source="--attribute-weights")
    fleet = load_fleet(config.fleet, log=config.log)
    templates = find_fleet_templates(fleet, config.template, folder=config.templates or TEMPLATES)
    console = open_console(highlight=False)
    for remark in templates.remarks:
        console.print(remark, markup=False, soft_wrap=True)
    with console.status("counting rows and FLOPs"):
        opened = open_fleet(fleet)
        fleet = count_fleet_flops(templates, opened.fleet, opened.logs)
    for remark in opened.remarks:
        console.print(remark, highlight=False, markup=False, soft_wrap=True)
    with console.status("choosing"):
        chosen = select_representatives(
            fleet,
            count=config.representatives,
            seed=config.seed,
            weights=weights,
            kinds=templates.names,
        )
    holdout = draw_holdout(
        fleet,
        chosen,
        count=config.holdout,
        seed=config.seed,
        left_out=[
            model.name for model in fleet.models if above_flops_limit(templates.of(model), model)
        ],
    )
    with console.status("resampling"):
        stability = measure_stability(
            fleet, chosen, resamples=config.resamples, seed=config.seed, weights=weights
        )
    folder = Folder(config.out)
    result = save_representatives(fleet, chosen, holdout, stability, weights, folder)
    console.print(representatives_summary(result))
    console.print(f"report: {write_representatives_report(folder)}", soft_wrap=True)


if __name__ == "__main__":
    run(main, Config)
