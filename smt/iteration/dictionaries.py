"""The dictionaries of a model's log, beside the programs that serve it."""

from dataclasses import replace

from smt.data import Schema
from smt.data.batch import input_features
from smt.data.log import DICTIONARIES, dictionaries_file, open_dictionaries
from smt.iteration.instance import Job
from smt.iteration.make_instance import Made


def with_dictionaries(job: Job, made: Made, schema: Schema) -> Made:
    """What was made of a model, with the dictionaries of the ids that its programs read.

    They are files of the log, which the workers that make models may not see.
    """
    if "export/manifest.yaml" not in made.files or not isinstance(job.model.log, str):
        return made
    read = {schema.ids_of(name) for name in input_features(schema, job.model.features)}
    known = {name: each for name, each in open_dictionaries(job.model.log).items() if name in read}
    if not known:
        return made
    return replace(made, files={**made.files, f"export/{DICTIONARIES}": dictionaries_file(known)})
