import json

import pytest
from made_models import made_model

from smt.execution.attempts import Lost
from smt.model_iteration import Evidence, Instance, LaunchSettings, decide
from smt.model_iteration.instance import Job
from smt.model_iteration.make import Made
from smt.model_iteration.model_files import (
    find_made,
    lacking_programs,
    model_folder,
    write_decided,
    write_made,
)
from smt.search.delta import Delta
from smt.storage import Folder
from smt.template import Template

PLACE = model_folder("m")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def job(**changes):
    fixed = {"template": Template(name="small"), "version": 1, "baseline": Template(name="small")}
    return Job(**fixed, model=made_model("m"), **{"seed": 0, "log_digest": "log", **changes})


def made(delta=0.1):
    evidence = Evidence(
        model="m",
        key=job().key,
        finding="could ship",
        delta=Delta.measured(delta, 0.01),
        bucket_shares=(0.25, -0.25),
    )
    return Made(evidence, {"card.md": b"card", "undecided/manifest.json": b"{}"})


def decided(evidence):
    (instance,) = decide([made_model("m")], [evidence], LaunchSettings())
    return instance


def files(folder):
    return [name.removeprefix(f"{PLACE}/") for name in folder.list()]


def test_before_the_decision_there_is_no_record_and_nothing_to_serve(folder):
    evidence = write_made(job(), made(), folder)
    assert files(folder) == ["card.md", "evidence.json", "undecided/manifest.json"]
    assert dict(find_made(folder, [job()])) == {"m": evidence}
    assert dict(find_made(folder, [job(seed=1)])) == {}


def test_what_ships_is_served_from_its_export(folder):
    instance = decided(write_made(job(), made(), folder))
    assert lacking_programs([instance], folder) == []
    write_decided(instance, folder)
    assert files(folder) == ["card.md", "evidence.json", "export/manifest.json", "record.json"]
    record = json.loads(folder.read(f"{PLACE}/record.json"))
    assert record["outcome"] == "ships"
    assert "bucket_shares" not in record["evidence"]
    assert Instance.parse(record, source="record").evidence.delta == instance.evidence.delta


def test_what_all_models_hold_back_has_nothing_to_serve(folder):
    write_decided(decided(write_made(job(), made(-0.5), folder)), folder)
    assert files(folder) == ["card.md", "evidence.json", "record.json"]
    assert json.loads(folder.read(f"{PLACE}/record.json"))["outcome"] == "held back"


def test_deciding_again_writes_nothing(folder, tmp_path):
    instance = decided(write_made(job(), made(), folder))
    write_decided(instance, folder)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    write_decided(instance, folder)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_model_that_came_to_ship_otherwise_lacks_its_programs(folder):
    evidence = write_made(job(), made(-0.5), folder)
    write_decided(decided(evidence), folder)
    ships = decided(evidence.model_copy(update={"delta": Delta.measured(0.5, 0.01)}))
    assert lacking_programs([ships], folder) == ["m"]


def test_what_no_longer_ships_is_gone(folder):
    evidence = write_made(job(), made(), folder)
    write_decided(decided(evidence), folder)
    write_decided(decided(evidence.model_copy(update={"finding": "held back"})), folder)
    assert files(folder) == ["card.md", "evidence.json", "record.json"]


def test_making_a_model_again_leaves_nothing_of_what_it_was(folder):
    write_decided(decided(write_made(job(), made(), folder)), folder)
    lost = write_made(job(), Lost("its worker died"), folder)
    assert files(folder) == ["evidence.json"]
    assert (lost.finding, lost.reasons, lost.delta.status) == (
        "failed",
        ("its worker died",),
        "failed",
    )
