import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smt.data import write_log
from smt.data.coding import Dictionary
from smt.data.dictionaries import open_dictionaries
from smt.execution.attempts import Lost
from smt.model_iteration.dictionaries import MANIFEST_FILE, with_dictionaries
from smt.model_iteration.instance import Evidence, Job
from smt.model_iteration.make import Made

USERS = Dictionary(pa.array(["Ann", "Bob"], pa.large_string()))
TAGS = Dictionary(pa.array(["x"], pa.large_string()))


@pytest.fixture
def job(small_log, small_model, small_template, tmp_path):
    log = small_log
    write_log(
        tmp_path / "log",
        log.schema,
        log.train,
        log.test,
        dictionaries={"user": USERS, "item_tags": TAGS, "hour": TAGS},
    )
    features = ("user", "user_interests")
    model = small_model.model_copy(update={"log": str(tmp_path / "log"), "features": features})
    return Job(
        template=small_template,
        version=None,
        baseline=None,
        model=model,
        seed=0,
        log_digest="",
    )


def made(job, *files):
    evidence = Evidence(model=job.model.name, key=job.key, finding="could ship")
    return Made(evidence, dict.fromkeys(files, b""))


def test_what_serves_has_the_dictionaries_of_the_ids_that_it_reads(job, small_log, tmp_path):
    """A list's are those of the column whose ids it has."""
    served = with_dictionaries(job, made(job, "card.md", MANIFEST_FILE), small_log.schema)
    assert [*served.files] == ["card.md", MANIFEST_FILE, "undecided/dictionaries.parquet"]
    (tmp_path / "dictionaries.parquet").write_bytes(served.files["undecided/dictionaries.parquet"])
    rows = pq.read_table(tmp_path / "dictionaries.parquet").to_pylist()
    assert {row["column"] for row in rows} == {"user", "item_tags"}
    found = open_dictionaries(tmp_path)
    assert found["user"].values.to_pylist() == ["Ann", "Bob"]


def test_what_does_not_serve_has_none(job, small_log):
    for unserved in (made(job, "card.md"), Lost("killed")):
        assert with_dictionaries(job, unserved, small_log.schema) is unserved
