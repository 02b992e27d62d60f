"""Choose a template for every model of a fleet that costs no more to serve than today."""

from dataclasses import dataclass

from smt.command_line import open_console, run


@dataclass(frozen=True)
class Config:
    """Arguments of a choice.

    Attributes:
        launches: Folders (or URIs) of finished launches of instantiate.py, each of another
            template or scale, that all compare a model with what it runs today.
        out: Folder (or URI: s3://…, gs://…) for choices.parquet, result.json, report.html.
        budget: Of the fleet's FLOPs by traffic, over what they are today.
        fleet: YAML file of the fleet; a copy in which every model names its template goes to `out`.
    """

    launches: tuple[str, ...]
    out: str
    budget: float = 1.0
    fleet: str | None = None


def main(config: Config) -> None:
    """Choose, save, show."""
    from smt.model_iteration.choose_capacity import choose_capacity, save_capacity
    from smt.report.pages.capacity import write_capacity_report
    from smt.report.terminal.capacity import capacity_sentences, capacity_table
    from smt.storage import Folder

    console, folder = open_console(highlight=False), Folder(config.out)
    result = choose_capacity(config.launches, budget=config.budget)
    save_capacity(result, folder, config.fleet)
    console.print(capacity_table(result))
    for sentence in capacity_sentences(result):
        console.print(sentence, soft_wrap=True, markup=False)
    console.print(f"report: {write_capacity_report(folder)}", soft_wrap=True)


if __name__ == "__main__":
    run(main, Config)
