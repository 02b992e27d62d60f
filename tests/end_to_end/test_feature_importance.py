"""One measurement of three models, on workers."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scripts import run_script

from smt.template.importance import read_importance

MODELS = ("view-all", "click-retrieval", "view-feed")


def measure(fleet, out, *options):
    run_script("feature_importance.py", "--fleet", fleet, "--out", out, *options)


def refused(capsys, fleet, out, *options):
    with pytest.raises(SystemExit) as stop:
        measure(fleet, out, *options)
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def out(cluster, fleet_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("importance") / "run"
    measure(fleet_file, out, "--representatives", "3", "--method", "both")
    return out


def content(out: Path) -> list[object]:
    tables = [pq.read_table(out / f"{name}.parquet") for name in ("importance", "gradient")]
    pages = [(out / name).read_bytes() for name in ("result.json", "report.html")]
    return [*(table.to_pylist() for table in tables), *pages]


def test_every_feature_of_every_model_has_a_row_a_method(out):
    read = {"view-all": 7, "click-retrieval": 3, "view-feed": 7}
    for file, method in (("importance", "permutation"), ("gradient", "gradient")):
        rows = pq.read_table(out / f"{file}.parquet").to_pylist()
        assert {row["method"] for row in rows} == {method}
        assert {m: sum(row["model"] == m for row in rows) for m in MODELS} == read


def test_the_ranking_is_of_means_over_models_as_a_template_reads_them(out):
    result = json.loads((out / "result.json").read_text())
    means = read_importance(str(out / "importance.parquet"))
    ranking = result["ranking"]["permutation"]
    assert set(ranking) == {"numeric", "id", "id_list", "event"}
    for features in ranking.values():
        values = [each["importance"] for each in features]
        assert values == sorted(values, reverse=True)
        for each in features:
            assert each["importance"] == pytest.approx(means[each["feature"]])
    (item,) = (each for each in ranking["id"] if each["feature"] == "item")
    assert set(item["by_model"]) == {*MODELS}
    (category,) = (each for each in ranking["id"] if each["feature"] == "category")
    assert set(category["by_model"]) == {"click-retrieval"}


def test_the_page_shows_the_ranking_and_refers_to_nothing_outside(out):
    page = (out / "report.html").read_text()
    result = json.loads((out / "result.json").read_text())
    start = page.index('id="report-data">') + len('id="report-data">')
    assert json.loads(page[start : page.index("</script>", start)]) == result
    assert f"features.selection.importance: {out}/importance.parquet" in page
    assert all(f'id="permutation-{kind}"' in page for kind in ("numeric", "id", "event"))
    assert "src=" not in page[: page.index("<script")]


def test_a_resumed_run_measures_what_is_missing_and_ends_the_same(out, capsys, fleet_file):
    before = content(out)
    models = sorted((out / "models").iterdir())
    times = {each: each.stat().st_mtime_ns for each in models}
    models[0].unlink()
    (out / "importance.parquet").unlink()
    options = ["--representatives", "3", "--method", "both", "--resume"]
    measure(fleet_file, out, *options)
    assert content(out) == before
    printed = capsys.readouterr().out
    assert "(3 of 3)" in printed
    assert f"select by it: features.selection.importance: {out}/importance.parquet" in printed
    assert models[0].exists()
    assert all(each.stat().st_mtime_ns == times[each] for each in models[1:])


def test_another_run_is_not_overwritten(out, capsys, fleet_file):
    said = refused(capsys, fleet_file, out, "--representatives", "3")
    assert "--resume" in said
    said = refused(capsys, fleet_file, out, "--models", "view-all", "--resume")
    assert "another settings" in said


def test_models_are_measured_by_name(cluster, capsys, fleet_file, tmp_path):
    out = tmp_path / "run"
    said = refused(capsys, fleet_file, out, "--models", "view-al")
    assert "no model 'view-al'" in said
    assert not out.exists()
    options = ["--models", "view-all", "--method", "gradient", "--rows", "200"]
    measure(fleet_file, out, *options)
    assert "view-all: loss" in capsys.readouterr().out
    table = pq.read_table(out / "importance.parquet")
    assert set(table["model"].to_pylist()) == {"view-all"}
    assert set(table["method"].to_pylist()) == {"gradient"}
    assert set(table["rows"].to_pylist()) == {200}
    assert not (out / "gradient.parquet").exists()
