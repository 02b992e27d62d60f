"""The folder of a model of a launch: evidence when it is made, a record once it is decided.

`evidence.json` is written last of what was made; `record.json` says the outcome, and is written
once all models are decided, after what serves is in `export/` or gone. So whatever is killed, no
record says that a model ships of which that was not decided, and only what ships has an `export/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from smt.execution.attempts import Lost
from smt.execution.ledger import read_record
from smt.model_iteration.instance import Evidence, Instance, Job
from smt.model_iteration.make import UNDECIDED, Made
from smt.spec import digest
from smt.storage import Folder

EVIDENCE, RECORD, EXPORT = "evidence.json", "record.json", "export"
# Of a model's folder: file systems take names of 255 bytes.
LONGEST = 200


def model_folder(name: str) -> str:
    """Where a model's files are: one folder each, whatever the name."""
    folder = quote(name, safe="").replace(".", "%2E")
    if len(folder) > LONGEST:
        folder = f"{folder[:LONGEST]}-{digest(name)}"
    return f"models/{folder}"


def find_made(folder: Folder, jobs: Iterable[Job]) -> Iterator[tuple[str, Evidence]]:
    """The models that were made, by name; not those of a package that trained otherwise."""
    for job in jobs:
        file = f"{model_folder(job.model.name)}/{EVIDENCE}"
        if folder.exists(file):
            evidence = read_record(Evidence, folder, file)
            if evidence is not None and evidence.key == job.key:
                yield evidence.model, evidence


def write_made(job: Job, made: Made | Lost, folder: Folder) -> Evidence:
    """Make a model's files durable, its evidence last; what was there of it goes."""
    name = job.model.name
    if isinstance(made, Lost):
        lost = Evidence(
            model=name,
            key=job.key,
            finding="failed",
            reasons=(made.reason,),
            delta=job.no_delta(made.reason),
        )
        made = Made(lost, {})
    place = model_folder(name)
    folder.clear(place)
    folder.write_all({f"{place}/{file}": data for file, data in made.files.items()})
    folder.write(f"{place}/{EVIDENCE}", made.evidence.model_dump_json().encode())
    return made.evidence


def lacking_programs(instances: Sequence[Instance], folder: Folder) -> list[str]:
    """Names of models that ship and have nothing to serve.

    A model that was held back, until another was made again and came out a little otherwise.
    """
    return [
        instance.model
        for instance in instances
        if instance.outcome == "ships" and not any(map(folder.exists, _programs(instance)))
    ]


def write_decided(instance: Instance, folder: Folder) -> None:
    """Put what ships where it is served from, drop what does not, and say so, where not done."""
    place = model_folder(instance.model)
    undecided, export = _programs(instance)
    if instance.outcome != "ships":
        folder.clear(undecided)
        folder.clear(export)
    elif folder.exists(undecided):
        folder.move(undecided, export)
    # What buckets of users add is in the evidence, and of no use to who serves it.
    record = instance.model_dump_json(exclude={"evidence": {"bucket_shares"}}).encode()
    file = f"{place}/{RECORD}"
    if not (folder.exists(file) and folder.read(file) == record):
        folder.write(file, record)


def _programs(instance: Instance) -> tuple[str, str]:
    """Where they are before the decision, and after it."""
    place = model_folder(instance.model)
    return f"{place}/{UNDECIDED}", f"{place}/{EXPORT}"
