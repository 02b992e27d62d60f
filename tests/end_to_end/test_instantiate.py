"""Launches of a tiny fleet: a model cannot be served, one diverges, memory cannot hold one."""

import json
import shutil
import tempfile
import time

import psutil
import pytest
from disturbance import driver, fill_disk, processes, stopped_by_the_disk, taken, wait_for
from launches import rows_of, same_tensors
from scripts import run_script

from smt.execution.cluster import connect
from smt.fleet import load_fleet, log_schema
from smt.model_iteration import Evidence, Instance
from smt.model_iteration.model_files import model_folder
from smt.serving import load_exported
from smt.template import Float, Int, build, load_version
from smt.training.checkpoint import load_checkpoint

MORE = """
- {name: like/all, stage: ranking, events: [like], surface: all, data_constraint: full}
- {name: wild, stage: ranking, events: [click], surface: all, data_constraint: full,
   hyperparameters: {training.dense_rate: 1.0e+30, architecture.embedding_dim: 16}}
- {name: ../huge, stage: ranking, events: [click], surface: all, data_constraint: full,
   hyperparameters: {architecture.embedding_dim: 35184372088832, training.dense_rate: 0.002}}
"""
SCRIPT = "instantiate.py"


@pytest.fixture(scope="module")
def options(cluster, fleet_file, tmp_path_factory):
    """Of a launch of six models.

    One is over its limit of FLOPs, one sets a rate of 1e30, one a width of 2^45.
    """
    folder = tmp_path_factory.mktemp("launch")
    text = fleet_file.read_text().replace("flops: 30000", "flops: 300")
    (folder / "fleet.yaml").write_text(text.rstrip() + MORE)
    exposed = {
        "training.dense_rate": Float(1e-4, 1e31, log=True),
        "architecture.embedding_dim": Int(8, 2**46, log=True),
    }
    template = load_version("sparsenn_small", 1).model_copy(update={"exposed": exposed})
    template.dump(folder / "template.yaml")
    files = ("--fleet", folder / "fleet.yaml", "--template", folder / "template.yaml")
    # Whatever a model gains or loses, it is not held back for it.
    more = ("--baseline", "sparsenn_small@1", "--alpha", "100", "--tune-evaluations", "5")
    return [*map(str, files), *more]


def instantiate(out, *options):
    run_script(SCRIPT, "--out", out, *options)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Where the undisturbed launch was at work, and where its scratch files were."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def launched(options, elsewhere, tmp_path_factory):
    out = tmp_path_factory.mktemp("launches") / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        patch.setattr(tempfile, "tempdir", str(elsewhere))
        instantiate(out, *options)
    return out


def made(out):
    return {path: path.read_bytes() for path in out.glob("models/*/evidence.json")}


def records(out):
    return {path: path.read_bytes() for path in out.glob("models/*/record.json")}


def test_every_model_has_a_row_and_what_does_not_ship_a_reason(launched):
    found = {row["model"]: (row["outcome"], " ".join(row["reasons"])) for row in rows_of(launched)}
    assert [*found] == [
        "view-all",
        "click-retrieval",
        "view-feed",
        "like/all",
        "wild",
        "../huge",
    ]
    assert {name for name, (outcome, _) in found.items() if outcome == "ships"} == {
        "view-all",
        "view-feed",
        "like/all",
    }
    outcome, reason = found["click-retrieval"]
    assert outcome == "held back"
    assert "FLOPs" in reason
    assert "exceed the model's limit 300" in reason
    assert found["wild"][0] == "failed"
    assert found["wild"][1].startswith("DivergedError")
    assert found["../huge"][0] == "failed"
    assert found["../huge"][1].startswith("out of memory: ")
    result = json.loads((launched / "result.json").read_text())
    assert result["outcomes"] == {"ships": 3, "held back": 1, "failed": 2}
    # The same template: nothing but the model with its own rate is another network.
    assert result["delta"]["max"] == result["delta"]["min"] == 0
    assert result["delta"]["each"] == {"mean": 0.0, "interval": [0.0, 0.0]}
    assert result["shipped"] == {"models": 3, "mean": 0.0, "mean_by_traffic": 0.0}


def test_models_that_set_nothing_are_tuned_and_the_page_says_so(launched):
    tunings = {row["model"]: row["tuning"] for row in rows_of(launched)}
    assert tunings["wild"] is None
    assert tunings["click-retrieval"] == "failed"
    for name in ("view-all", "view-feed", "like/all"):
        assert tunings[name] in ("chosen", "kept")
    tuning = json.loads((launched / "result.json").read_text())["tuning"]
    assert tuning["models"] == 4
    # Of the two candidates, one is a rate at which no network stays finite.
    assert tuning["failures"] >= 3
    assert "What models chose for themselves" in (launched / "report.html").read_text()


def test_nothing_is_written_outside_out(launched, elsewhere):
    assert list(elsewhere.iterdir()) == []
    assert [path.name for path in launched.parent.iterdir()] == [launched.name]
    assert (launched / "models" / "%2E%2E%2Fhuge" / "record.json").is_file()


def test_what_ships_can_be_loaded_from_its_folder(launched, options):
    fleet = {model.name: model for model in load_fleet(options[1]).models}
    for row in rows_of(launched):
        folder = launched / row["folder"]
        assert row["folder"] == model_folder(row["model"])
        # Nothing can be counted of the network that memory cannot hold.
        if row["model"] != "../huge":
            assert f"# {row['model']}" in (folder / "card.md").read_text()
        assert (folder / "export").is_dir() == (row["outcome"] == "ships")
        assert not (folder / "undecided").exists()
        if row["outcome"] == "ships":
            model = fleet[row["model"]]
            template = load_version("sparsenn_small", 1)
            network = build(template, model, log_schema(model.log))
            load_checkpoint(network, folder / "checkpoint")
            assert load_exported(folder / "export").inputs
        record = Instance.model_validate_json((folder / "record.json").read_bytes())
        assert (record.outcome, [*record.reasons]) == (row["outcome"], row["reasons"])
        found = record.evidence
        assert (found.ne, found.delta.value) == (row["ne"], row["delta"])
        assert found.delta.status == row["delta_status"]
        evidence = Evidence.model_validate_json((folder / "evidence.json").read_bytes())
        assert evidence.model_copy(update={"bucket_shares": ()}) == found


def test_a_killed_launch_resumes_to_the_same_table_and_makes_no_model_twice(
    launched, options, tmp_path, capsys
):
    out = tmp_path / "killed"
    with driver(SCRIPT, "--out", out, *options) as started:
        wait_for(lambda: len(made(out)) >= 1)
        with pytest.raises(SystemExit):
            instantiate(out, *options, "--resume")
        assert "another process is at work there" in capsys.readouterr().err
        wait_for(lambda: len(made(out)) >= 2)
        started.kill()
        started.wait()
    before = made(out)
    assert not (out / "result.json").exists()
    assert len(before) < 6
    # Nothing is decided before everything is made, and nothing undecided can be served.
    assert records(out) == {}
    assert [*out.glob("models/*/export")] == []

    instantiate(out, *options, "--resume")

    assert rows_of(out) == rows_of(launched)
    assert (out / "result.json").read_bytes() == (launched / "result.json").read_bytes()
    after = made(out)
    assert len(after) == len(records(out)) == 6
    assert all(after[path] == content for path, content in before.items())


def test_a_finished_launch_resumes_without_making_anything(launched, options, capsys):
    before = {path: path.stat().st_mtime_ns for path in launched.glob("models/*/*")}
    report = (launched / "report.html").read_bytes()
    instantiate(launched, *options, "--resume")
    assert {path: path.stat().st_mtime_ns for path in launched.glob("models/*/*")} == before
    assert (launched / "report.html").read_bytes() == report
    assert "6 of 6 models are made already" in capsys.readouterr().out


def test_a_launch_that_was_killed_while_it_was_deciding_ends_as_any_other(
    launched, options, tmp_path
):
    """One model is decided, of one the programs are moved and not recorded, one was not reached."""
    out = tmp_path / "deciding"
    shutil.copytree(launched, out)
    moved, untouched = out / "models" / "view-feed", out / "models" / "like%2Fall"
    for folder in (moved, untouched, out / "models" / "wild"):
        (folder / "record.json").unlink()
    (untouched / "export").rename(untouched / "undecided")
    for file in ("models.parquet", "result.json", "report.html"):
        (out / file).unlink()
    instantiate(out, *options, "--resume")
    assert files(out) == files(launched)
    decided = {path.relative_to(out): record for path, record in records(out).items()}
    assert decided == {path.relative_to(launched): each for path, each in records(launched).items()}
    assert rows_of(out) == rows_of(launched)


def test_a_model_that_ships_and_has_nothing_to_serve_is_made_again(launched, options, tmp_path):
    out = tmp_path / "emptied"
    shutil.copytree(launched, out)
    shutil.rmtree(out / "models" / "view-feed" / "export")
    instantiate(out, *options, "--resume")
    assert files(out) == files(launched)
    assert rows_of(out) == rows_of(launched)


def files(out):
    return {path.relative_to(out) for path in out.glob("models/*/**/*") if path.is_file()}


def test_a_record_of_another_job_and_a_model_that_is_half_there_are_made_again(
    launched, options, tmp_path
):
    """As a launch leaves a model that is killed between its files and its evidence."""
    out = tmp_path / "old"
    shutil.copytree(launched, out)
    (evidence,) = out.glob("models/click-retrieval/evidence.json")
    content = json.loads(evidence.read_bytes())
    evidence.write_text(json.dumps({**content, "key": "of an older package", "reasons": []}))
    half = out / "models" / "view-feed"
    (checkpoint,) = half.glob("checkpoint/*.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:999])
    for damaged in (half / "evidence.json", out / "models" / "like%2Fall" / "evidence.json"):
        damaged.write_bytes(damaged.read_bytes()[:99])
    (half / "export" / ".0123.partial").write_bytes(b"half")
    instantiate(out, *options, "--resume")
    assert json.loads(evidence.read_bytes())["key"] == content["key"]
    assert rows_of(out) == rows_of(launched)
    assert files(out) == files(launched)
    assert same_tensors(launched / checkpoint.relative_to(out), checkpoint)


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_launch_that_loses_a_node_and_its_disk_ends_with_the_same_table(
    nodes, add_node, launched, options, tmp_path
):
    """Three nodes: one is lost at its work, one joins and is used; then the disk is full."""
    out = tmp_path / "disturbed"
    connect()
    add_node(0)
    # There is no room on the first node: the one worker is on those that come and go.
    with taken(cpus=2):
        lost = add_node(1)
        with driver(SCRIPT, "--out", out, *options, "--warm-workers", 1) as started:
            wait_for(lambda: processes("ray::_Resident.run", lost))
            nodes.remove_node(lost, allow_graceful=False)
            # Long enough for calls on a worker without a node to fail.
            time.sleep(10)
            assert not made(out)
            joined = add_node(1)
            wait_for(lambda: processes("ray::_Resident.run", joined) and made(out))
            fill_disk(psutil.Process(started.pid))
            stopped_by_the_disk(started, out)
    before = made(out)
    assert 1 <= len(before) < 6

    instantiate(out, *options, "--resume")

    assert rows_of(out) == rows_of(launched)
    assert (out / "result.json").read_bytes() == (launched / "result.json").read_bytes()
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "holds a run already; continue it with --resume"),
        (("--resume", "--seed", "4"), "holds a run with another settings"),
        (("--resume", "--tune-evaluations", "6"), "holds a run with another settings"),
        (
            ("--tune-evaluations", "3"),
            "'tune_evaluations': 3 leave nothing to compare the defaults",
        ),
        (("--resume", "--baseline", "none"), "holds a run with another baseline"),
        (("--version", "2"), "give one of them"),
        (("--baseline", "sparsenn_smal"), "did you mean 'sparsenn_small'"),
        (("--alpha", "-1"), "'alpha'"),
        (("--capacity", "cheap"), "'capacity"),
        (("--resume", "--capacity", "free"), "holds a run with another settings"),
        (("--limit-minutes", "0"), "limit_minutes is 0; more than 0 is needed"),
    ],
)
def test_a_wrong_launch_is_one_sentence_and_changes_nothing(more, said, launched, options, capsys):
    before = {path: path.stat().st_mtime_ns for path in launched.rglob("*")}
    with pytest.raises(SystemExit) as stop:
        instantiate(launched, *options, *more)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert {path: path.stat().st_mtime_ns for path in launched.rglob("*")} == before
