"""A count over two tiny fleets, in this process: it needs no Ray, and reads no row."""

import json

import pyarrow.parquet as pq
import pytest
from scripts import run_script

from smt.fleet import load_fleet, log_schema
from smt.template import build, catalogue, count_flops

FILES = ("flops.parquet", "result.json", "report.html")


def count(out, *fleets):
    run_script("count_flops.py", "--out", out, "--fleet", *fleets)


@pytest.fixture(scope="module")
def twin_file(fleet_file, tmp_path_factory):
    """A fleet whose third model has the second's network on other rows."""
    path = tmp_path_factory.mktemp("fleet") / "twin.yaml"
    text = fleet_file.read_text().replace("name: tiny", "name: twin")
    path.write_text(
        text.replace(
            "stage: ranking, events: [view, click], surface: feed",
            "stage: retrieval, events: [click], surface: feed",
        )
    )
    return path


@pytest.fixture(scope="module")
def out(fleet_file, twin_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("flops") / "run"
    count(out, fleet_file, twin_file)
    return out


def test_every_distinct_model_is_counted_under_the_templates_of_its_stage(out):
    rows = pq.read_table(out / "flops.parquet").to_pylist()
    sizes = ("small", "medium", "large")
    expected = {
        ("tiny", "view-all", "ranking", 1): "sparsenn",
        ("tiny", "click-retrieval", "retrieval", 1): "decoupled_sparsenn",
        ("tiny", "view-feed", "ranking", 1): "sparsenn",
        ("twin", "view-all", "ranking", 1): "sparsenn",
        ("twin", "click-retrieval", "retrieval", 2): "decoupled_sparsenn",
    }
    keys = ("fleet", "model", "stage", "models", "template")
    assert sorted(tuple(row[key] for key in keys) for row in rows) == sorted(
        (*model, f"{paradigm}_{size}") for model, paradigm in expected.items() for size in sizes
    )


def test_counts_are_those_of_the_networks_themselves(out, fleet_file):
    fleet = {model.name: model for model in load_fleet(fleet_file).models}
    rows = pq.read_table(out / "flops.parquet").to_pylist()
    mine = [row for row in rows if row["fleet"] == "tiny" and row["template"].endswith("small")]
    assert len(mine) == 3
    for row in mine:
        model, template = fleet[row["model"]], catalogue[row["template"]]
        schema = log_schema(model.log)
        assert row["flops"] == count_flops(template, model, schema)
        network = build(template, model, schema)
        dense = [each for name, each in network.named_parameters() if "embedding_bags" not in name]
        assert row["dense_parameters"] == sum(each.numel() for each in dense)
        assert row["limit"] == (30000 if model.stage == "retrieval" else None)


def test_the_result_spans_the_table_and_stages_keep_to_their_limits(out):
    result = json.loads((out / "result.json").read_text())
    rows = pq.read_table(out / "flops.parquet").to_pylist()
    flops = [row["flops"] for row in rows]
    assert result["fleets"] == ["tiny", "twin"]
    assert result["networks"] == len(rows) == 15
    assert (result["flops"]["min"], result["flops"]["max"]) == (min(flops), max(flops))
    for each in result["templates"]:
        own = [row for row in rows if row["template"] == each["template"]]
        over = [row for row in own if row["limit"] is not None and row["flops"] > row["limit"]]
        assert (each["networks"], each["over_limit"]) == (len(own), len(over))


def test_the_same_fleets_leave_the_same_files(out, capsys, fleet_file, twin_file, tmp_path):
    count(tmp_path, fleet_file, twin_file)
    assert [(tmp_path / name).read_bytes() for name in FILES] == [
        (out / name).read_bytes() for name in FILES
    ]
    printed = capsys.readouterr().out
    assert "twin: 3 models, 6 networks counted" in printed
    assert f"report: {tmp_path}/report.html" in printed


def test_a_wrong_fleet_is_one_sentence(capsys, fleet_file, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(fleet_file.read_text().replace("[user, item, category]", "[user, itme]"))
    for fleets, expected in (
        ((wrong,), "itme"),
        ((tmp_path / "no.yaml",), "no such file"),
        ((), "at least one"),
    ):
        with pytest.raises(SystemExit) as stop:
            count(tmp_path / "out", *fleets)
        assert stop.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert expected in said
    assert not (tmp_path / "out").exists()
