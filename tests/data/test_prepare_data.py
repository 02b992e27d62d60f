import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smt.data import open_log

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments" / "prepare_data.py"
SAMPLE = ROOT.parent / "shared" / "data" / "kuairand_pure"


def prepare(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [(), ("kuairand",), ("criteo",), ("table",), ("simulator",)])
def test_help_does_not_wait_for_torch(source):
    start = time.perf_counter()
    result = prepare(*source, "--help")
    assert result.returncode == 0
    assert "log" in result.stdout
    assert time.perf_counter() - start < 2


def test_a_simulated_log_is_written_with_the_bayes_optimal_ne(tmp_path):
    result = prepare("simulator", "--out", tmp_path / "log", "--rows", 20_000, "--seed", 3)
    assert result.returncode == 0, result.stderr
    assert "click" in result.stdout
    log = open_log(tmp_path / "log")
    assert log.train.count_rows() + log.test.count_rows() == 20_000
    report = json.loads((tmp_path / "log" / "log.json").read_text())["report"]
    assert {entry["event"] for entry in report["bayes_ne"]} == set(log.schema.events)
    tested = {entry["surface"]: entry["rows"] for entry in report["bayes_ne"]}
    assert sum(tested.values()) == log.test.count_rows()
    assert len(report["columns"]) == len(log.schema.columns)


def test_a_table_is_read_from_the_command_line(tmp_path):
    rows = "\n".join(f"{1000 * row},{row % 2},{row / 7}" for row in range(50))
    (tmp_path / "rows.csv").write_text("time,click,age\n" + rows)
    (tmp_path / "schema.yaml").write_text(
        "columns: {time: {kind: timestamp}, click: {kind: event}, age: {kind: numeric}}"
    )
    arguments = ("--source", tmp_path / "rows.csv", "--schema", tmp_path / "schema.yaml")
    options = ("--test-share", 0.1, "--row-group-rows", 20)
    result = prepare("table", *arguments, "--out", tmp_path / "log", *options)
    assert result.returncode == 0, result.stderr
    assert "50.000%" in result.stdout
    log = open_log(tmp_path / "log")
    assert log.test.count_rows() == 5
    (file,) = log.train.get_fragments()
    assert [group.num_rows for group in file.row_groups] == [20, 20, 5]


def test_a_test_window_far_off_its_share_is_said_once(tmp_path):
    (tmp_path / "rows.csv").write_text(
        "time,click\n" + "\n".join(f"{1000 * (row // 25)},{row % 2}" for row in range(50))
    )
    (tmp_path / "schema.yaml").write_text(
        "columns: {time: {kind: timestamp, unit: ms}, click: {kind: event}}"
    )
    arguments = ("--source", tmp_path / "rows.csv", "--schema", tmp_path / "schema.yaml")
    result = prepare("table", *arguments, "--out", tmp_path / "log")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("warning: the test window is 50.0% of the rows, not 20.0%") == 1


def test_a_schema_is_drafted_and_then_reads_the_files(tmp_path):
    rows = "\n".join(f"{1_700_000_000 + row}\t{row % 2}\t{row % 7}" for row in range(50))
    source = tmp_path / "rows.inter"
    source.write_text("timestamp:float\tlabel:float\tuser_id:token\n" + rows)
    draft = ("table", "--source", source, "--infer", tmp_path / "schema.yaml")
    result = prepare(*draft)
    assert result.returncode == 0, result.stderr
    assert "user_id: {kind: id, num_ids: 9, coding: number" in result.stdout
    assert "num_ids: 9" in (tmp_path / "schema.yaml").read_text()
    again = prepare(*draft)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    schema = ("--schema", tmp_path / "schema.yaml", "--out", tmp_path / "log")
    result = prepare("table", "--source", source, *schema)
    assert result.returncode == 0, result.stderr
    assert open_log(tmp_path / "log").train.count_rows() == 40


@pytest.mark.parametrize(
    "arguments",
    [
        ("table", "--source", "nowhere.csv"),
        ("table", "--source", "nowhere.csv", "--infer", "nowhere.yaml"),
        ("kuairand", "--source", "nowhere"),
        ("criteo", "--source", "nowhere"),
        ("table", "--source", "nowhere.csv", "--schema", "nowhere.yaml"),
        ("simulator", "--rows", "100", "--test-share", "1.5"),
        ("simulator", "--rows", "-5"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing_behind(tmp_path, arguments):
    result = prepare(*arguments, "--out", tmp_path / "log")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "log").exists()


def test_an_output_in_use_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "precious").write_text("mine")
    result = prepare("kuairand", "--source", "nowhere", "--out", tmp_path)
    assert result.returncode == 2
    assert "not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the KuaiRand sample is not beside the repository")
def test_the_kuairand_sample_is_prepared(tmp_path):
    result = prepare("kuairand", "--source", SAMPLE, "--out", tmp_path / "log")
    assert result.returncode == 0, result.stderr
    assert "dropped 5,460 exact duplicates" in result.stdout
    assert open_log(tmp_path / "log").schema.events[0] == "click"
