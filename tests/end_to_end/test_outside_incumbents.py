"""A launch of models that are compared with predictions made elsewhere."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from launches import rows_of
from scripts import FLEET, run_script

from smt.fleet import SimulatedLog
from smt.fleet.logs import open_source

ON = ["user", "item", "time"]
TEMPLATE = ("--template", "sparsenn_small@1")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Of three models two have scores of all rows; one lacks those of the latest 20."""
    folder = tmp_path_factory.mktemp("outside")
    content = yaml.safe_load(FLEET)
    log = open_source(SimulatedLog.parse(content["log"], source="log"))
    rows = pa.concat_tables([log.train, log.test]).select(ON)
    chance = np.random.default_rng(0)
    for number, score in ((0, "score"), (1, "score"), (2, {"view": "p_view", "click": "p_click"})):
        columns = [score] if number < 2 else score.values()
        file, table = folder / f"model_{number}.parquet", rows
        for column in columns:
            table = table.append_column(column, pa.array(chance.uniform(0.1, 0.3, len(rows))))
        pq.write_table(table.slice(0, len(rows) - 20) if number == 1 else table, file)
        incumbent = {"predictions": str(file), "on": ON, "score": score}
        content["models"][number]["incumbent"] = incumbent
    (folder / "fleet.yaml").write_text(yaml.safe_dump(content))
    return folder / "fleet.yaml"


@pytest.fixture(scope="module")
def launched(cluster, fleet, tmp_path_factory):
    out = tmp_path_factory.mktemp("launches") / "outside"
    run_script("instantiate.py", "--fleet", fleet, "--out", out, *TEMPLATE)
    return out


def test_every_model_is_compared_with_its_own_file_and_a_bad_one_fails_it_alone(launched, fleet):
    rows = {row["model"]: row for row in rows_of(launched)}
    files = [str(fleet.with_name(f"model_{number}.parquet")) for number in range(3)]
    assert [row["baseline"] for row in rows.values()] == files
    for name in ("view-all", "view-feed"):
        assert rows[name]["outcome"] == "ships"
        assert rows[name]["baseline_flops"] is None
        assert rows[name]["delta"] == pytest.approx(
            100 * (1 - rows[name]["ne"] / rows[name]["baseline_ne"]), rel=1e-4
        )
    failed = rows["click-retrieval"]
    assert (failed["outcome"], failed["train_rows"]) == ("failed", None)
    assert f"20 of 3,000 judged rows have no prediction in {files[1]}" in failed["reasons"][0]
    result = json.loads((launched / "result.json").read_text())
    assert result["templates"] == {"sparsenn_small@1": files}
    assert (result["cost"], result["delta"]["models"]) == (None, 2)
    page = (launched / "report.html").read_text()
    assert all(file in page for file in files)
    assert "Of no model is it known both what it costs today" in page


def test_a_finished_launch_makes_no_model_again(launched, fleet):
    before = {file: file.read_bytes() for file in launched.glob("models/*/evidence.json")}
    run_script("instantiate.py", "--fleet", fleet, "--out", launched, *TEMPLATE, "--resume")
    assert {file: file.read_bytes() for file in launched.glob("models/*/evidence.json")} == before
    assert len(before) == 3


def test_a_launched_network_is_the_incumbent_of_the_next_launch(launched, tmp_path):
    """As it is: it has learned from all rows, and its remark says so."""
    content = yaml.safe_load(FLEET)
    folder = launched / "models" / "view-all"
    content["models"][0]["incumbent"] = {"checkpoint": str(folder)}
    content["models"] = content["models"][:1]
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(content))
    out = tmp_path / "next"
    run_script("instantiate.py", "--fleet", tmp_path / "fleet.yaml", "--out", out, *TEMPLATE)
    (row,) = rows_of(out)
    (before,) = (row for row in rows_of(launched) if row["model"] == "view-all")
    assert row["baseline"] == str(folder)
    assert (row["baseline_flops"], row["baseline_bytes"]) == (before["flops"], before["bytes"])
    # The same network, which learns from each row here after it is judged by it.
    assert row["ne"] == before["ne"]
    assert row["baseline_ne"] < row["ne"]
    assert "may have learned from 3,000 of the 3,000 judged rows" in row["reasons"][-1]


def test_other_predictions_are_another_launch(launched, fleet, capsys):
    file = fleet.with_name("model_0.parquet")
    before = file.read_bytes()
    pq.write_table(pq.read_table(file).slice(1), file)
    try:
        said = refused(capsys, fleet, launched, "--resume")
    finally:
        file.write_bytes(before)
    assert "files" in said


def test_a_file_that_is_not_there_is_refused_before_anything_is_written(
    cluster, fleet, capsys, tmp_path
):
    changed = tmp_path / "fleet.yaml"
    changed.write_text(fleet.read_text().replace("model_1.parquet", "model_9.parquet"))
    said = refused(capsys, changed, tmp_path / "out")
    assert "the incumbent of model 'click-retrieval': " in said
    assert "model_9.parquet: no such file" in said
    assert not (tmp_path / "out").exists()


def refused(capsys, fleet, out, *options):
    with pytest.raises(SystemExit) as stop:
        run_script("instantiate.py", "--fleet", fleet, "--out", out, *TEMPLATE, *options)
    assert stop.value.code == 2
    return capsys.readouterr().err
