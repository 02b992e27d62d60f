"""Search techniques over a fleet's representative models and report which generalize."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from smt.command_line import open_console, run
from smt.execution.resources import Resources


@dataclass(frozen=True)
class Config:
    """Arguments of a run.

    Attributes:
        out: Folder (or URI: s3://…, gs://…) of the run: ledger, tables, result.json, report.html.
        fleet: YAML file of the fleet.
        techniques: Names from `smt.techniques.catalogue`, or FILE.py:NAME for one of your own.
        log: Log folder to use in place of the one that the fleet names.
        template: What all models are built from: NAME, NAME@N, or a YAML file that holds one;
            where not given, what the fleet's rules say, and sparsenn_small where it has none.
        templates: Folder (or URI) of templates' versions that are called by name; the package's
            own by default.
        representatives: How many models stand for the fleet; the elbow decides where not given.
        attribute_weights: How much an attribute counts in choosing them; see represent.py.
        trials: θ tried a technique.
        max_evaluations: Of a technique's search: no trial begins once so many are made.
        alpha: Percent; a model regresses where its NE change is below -alpha.
        epsilon: Largest share of models that may regress.
        tau: Percent; least A* of a technique that generalizes.
        weights: What a model counts in μ: its traffic, or as much as every other (equal).
        saving: Share of FLOPs or bytes, over the fleet, that makes a technique generalize whose
            quality does not fall.
        capacity: By how many percent serving the fleet may become dearer, in FLOPs (by traffic) or
            in bytes: a θ that costs more, or breaks a model's limits, is not tried. `free`: all θ
            may be, and a model above its limits fails.
        method: How θ is searched; tpe needs Optuna.
        early_rejection: Do not finish a trial in which too many models have regressed.
        early_stopping: End a search that is unlikely to gain, or that has no θ worth τ.
        concurrent_trials: Trials under way at a time; as many as keep the cluster busy where not
            given.
        candidates: θ of a technique that are measured again on fresh seeds.
        fresh_seeds: How many at most: two, then more while the verdict is open.
        holdout: Models outside the representatives that must confirm a technique; as many as
            there are representatives where not given.
        paper_exact: Algorithm 1 to the letter: all trials, θ* by the largest observed A.
        sequential: Measure a technique on top of those accepted before it.
        seed: Of initial values and of the search.
        train_rows: Train on the latest so many rows only.
        workers: Workers that train one network together.
        resources: What it may take of the cluster.
        resume: Go on with the run that `out` holds.
        warm_start: Folders of finished runs whose trials tell the search where to look.
        baselines: Folder of trained baselines that several runs share.
    """

    out: str
    fleet: str = "experiments/fleets/simulated.yaml"
    techniques: tuple[str, ...] = ("dcn_v2", "lr_warmup_cosine")
    log: str | None = None
    template: str | None = None
    templates: str | None = None
    representatives: int | None = None
    attribute_weights: dict[str, float] = field(default_factory=dict)
    trials: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 20
    max_evaluations: int | None = None
    alpha: float = 0.05
    epsilon: float = 0.1
    tau: float = 0.05
    weights: Literal["traffic", "equal"] = "traffic"
    saving: float = 0.05
    capacity: float | Literal["free"] = 5.0
    method: Literal["composite", "ax", "sobol", "tpe"] = "composite"
    early_rejection: bool = True
    early_stopping: bool = True
    concurrent_trials: int | None = None
    candidates: int = 3
    fresh_seeds: int = 4
    holdout: int | None = None
    paper_exact: bool = False
    sequential: bool = False
    seed: int = 0
    train_rows: int | None = None
    workers: int | None = None
    resources: tyro.conf.OmitArgPrefixes[Resources] = field(default_factory=Resources)
    resume: bool = False
    warm_start: tuple[str, ...] = ()
    baselines: str | None = None


def main(config: Config) -> None:
    """Load, search, save, report."""
    from smt.fleet import AttributeWeights, load_fleet
    from smt.mmo import Settings, generalize
    from smt.storage import Folder
    from smt.techniques import find_technique
    from smt.template import find_fleet_templates
    from smt.template.versions import TEMPLATES

    console = open_console()
    settings = Settings.parse(
        {name: getattr(config, name) for name in Settings.model_fields}, source="command line"
    )
    fleet = load_fleet(config.fleet, log=config.log)
    templates = find_fleet_templates(fleet, config.template, folder=config.templates or TEMPLATES)
    if config.train_rows is not None:
        templates = templates.change("data", train_rows=config.train_rows)
    if config.workers is not None:
        templates = templates.change("training", workers=config.workers)
    for remark in templates.remarks:
        console.print(remark, highlight=False, markup=False, soft_wrap=True)
    generalization = generalize(
        [find_technique(name) for name in config.techniques],
        fleet,
        out=config.out,
        templates=templates,
        settings=settings,
        representatives=config.representatives,
        attribute_weights=AttributeWeights.parse(
            config.attribute_weights, source="--attribute-weights"
        ),
        resources=config.resources,
        resume=config.resume,
        baselines=config.baselines,
        warm_start=config.warm_start,
        console=console,
    )
    # Only now: they take seconds to import, which the workers need not wait for.
    from smt.mmo.record import save
    from smt.report import write_report
    from smt.report.terminal.generalization import remarks, technique_table

    folder = Folder(config.out)
    result = save(generalization, folder)
    console.print(technique_table(result))
    for line in remarks(result):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {write_report(folder)}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    run(main, Config)
