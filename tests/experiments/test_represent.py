"""A choice of representatives of the shipped fleet, in this process: it needs no Ray."""

import json
from html import unescape
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scripts import ROOT, run_script

from smt.fleet import load_fleet, open_fleet, select_representatives
from smt.template import count_fleet_flops, find_fleet_templates

FLEET = ROOT / "experiments" / "fleets" / "simulated.yaml"
FILES = ("fleet.parquet", "result.json", "report.html")


def represent(out, *options):
    run_script("represent.py", "--out", out, "--fleet", FLEET, "--resamples", "5", *options)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("represent") / "run"
    represent(out)
    return out


def read(out: Path):
    rows = pq.read_table(out / "fleet.parquet").to_pylist()
    return json.loads((out / "result.json").read_text()), rows


def test_the_representatives_are_those_that_a_search_would_take(out):
    fleet = load_fleet(FLEET)
    opened = open_fleet(fleet)
    templates = find_fleet_templates(fleet)
    counted = count_fleet_flops(templates, opened.fleet, opened.logs)
    names = [model.name for model in select_representatives(counted, kinds=templates.names).models]
    result, rows = read(out)
    assert [each["model"] for each in result["representatives"]] == names
    assert {row["model"] for row in rows if row["representative"]} == set(names)
    assert result["elbow"] == len(names)
    assert result["silhouettes"][str(result["silhouette"])] == max(result["silhouettes"].values())


def test_every_model_stands_in_the_cluster_of_one_representative(out):
    result, rows = read(out)
    assert len(rows) == result["models"] == len(load_fleet(FLEET).models)
    total = sum(row["weight"] for row in rows)
    by_model = {row["model"]: row for row in rows}
    for each in result["representatives"]:
        own = [row for row in rows if row["cluster"] == by_model[each["model"]]["cluster"]]
        assert [row["model"] for row in own if row["representative"]] == [each["model"]]
        assert each["members"] == len(own)
        assert each["traffic"] == pytest.approx(sum(row["weight"] for row in own) / total)
        assert 0 <= each["again"] <= 1
        assert 0 < each["jaccard"] <= 1


def test_the_holdout_is_drawn_over_the_clusters(out):
    result, rows = read(out)
    clusters = {row["model"]: row["cluster"] for row in rows}
    chosen = {each["model"] for each in result["representatives"]}
    held = [each["model"] for each in result["holdout"]]
    assert len({clusters[model] for model in held}) == len(held) == len(chosen)
    assert not chosen & set(held)
    assert {row["model"] for row in rows if row["holdout"]} == set(held)
    for each in result["holdout"]:
        assert clusters[each["model"]] == clusters[each["represented_by"]]


def test_the_page_shows_them_all_and_refers_to_nothing(out):
    html = (out / "report.html").read_text()
    result, _ = read(out)
    table = unescape(html[html.index("<table id=representatives>") :])
    for each in result["representatives"] + result["holdout"]:
        assert f">{each['model']}</td>" in table
    stand = f"<b>{len(result['representatives'])} representatives</b>"
    assert f"{stand} for the {result['models']} models" in html
    assert "<link" not in html
    assert "<script src" not in html


def test_the_same_choice_leaves_the_same_files(out, capsys, tmp_path):
    represent(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in FILES] == [
        (out / name).read_bytes() for name in FILES
    ]
    assert f"report: {tmp_path}/report.html" in capsys.readouterr().out


def test_counts_and_weights_are_the_users(tmp_path):
    represent(
        tmp_path, "--representatives", "4", "--holdout", "2", "--attribute-weights", "event", "9"
    )
    result, _ = read(tmp_path)
    assert len(result["representatives"]) == 4
    assert len(result["holdout"]) == 2
    assert result["attribute_weights"]["event"] == 9
    assert "Attributes count once, but: event 9." in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--attribute-weights", "evnt", "2"), "--attribute-weights: unknown key 'evnt'"),
        (
            ("--attribute-weights", "event", "-2"),
            "--attribute-weights: 'event': input",
        ),
        (("--representatives", "300"), "300 representatives asked for; fleet 'simulated' has "),
        (("--holdout", "250"), "250 holdout models asked for"),
        (("--resamples", "0"), "--resamples is 0; it must be at least 1"),
        (("--template", "sparsenn_smal"), "did you mean 'sparsenn_small'"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_leaves_nothing(options, said, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        represent(tmp_path / "out", *options)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert not (tmp_path / "out").exists()
