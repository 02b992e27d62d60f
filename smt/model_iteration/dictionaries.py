"""The dictionaries of a model's log, beside the programs that serve it."""

from dataclasses import replace

from smt.data import Schema, input_features
from smt.data.dictionaries import DICTIONARIES, dictionaries_file, open_dictionaries
from smt.execution.attempts import Lost
from smt.fleet import log_folder
from smt.model_iteration.instance import Job
from smt.model_iteration.make import UNDECIDED, Made
from smt.serving.export import MANIFEST

MANIFEST_FILE = f"{UNDECIDED}/{MANIFEST}"


def with_dictionaries(job: Job, made: Made | Lost, schema: Schema) -> Made | Lost:
    """What was made of a model, with the dictionaries of the ids that its programs read.

    They are files of the log, which the workers that make models may not see.
    """
    if isinstance(made, Lost) or MANIFEST_FILE not in made.files:
        return made
    folder = log_folder(job.model.log)
    if folder is None:
        return made
    read = {schema.ids_of(name) for name in input_features(schema, job.model.features)}
    every = open_dictionaries(folder)
    known = {name: dictionary for name, dictionary in every.items() if name in read}
    if not known:
        return made
    return replace(
        made, files={**made.files, f"{UNDECIDED}/{DICTIONARIES}": dictionaries_file(known)}
    )
