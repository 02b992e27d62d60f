import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_page import Page

from smt.report.figures.flops import flops_figure, scaled
from smt.report.pages.flops import write_flops_report
from smt.results.flops import FlopsResult, save_flops, summarise_flops
from smt.results.folder import read_result
from smt.storage import Folder
from smt.template.network_counts import Count

HOSTILE = 'click/<b>all</b>&"x"/</script>'


def made(scale, flops, *, stage="ranking", model="click/all", limit=20_000_000):
    paradigm = "sparsenn" if stage == "ranking" else "decoupled_sparsenn"
    return Count(
        fleet="made",
        model=model,
        models=3,
        stage=stage,
        template=f"{paradigm}_{scale}",
        paradigm=paradigm,
        scale=scale,
        flops=flops,
        dense_parameters=flops // 2,
        limit=limit,
    )


@pytest.fixture
def counts():
    """In no order; three of them share a place, two are larger than their limit."""
    return [
        made("large", 30_000_000, stage="pre_ranking", limit=10_000_000),
        made("large", 9_000_000, stage="retrieval", limit=5_000_000),
        made("small", 20_000, stage="retrieval", limit=5_000_000),
        made("large", 20_000_000),
        made("small", 40_000, model=HOSTILE),
        made("small", 40_000),
        made("small", 40_000),
        made("small", 81_000),
    ]


def shapes(figure, kind, **line):
    return [
        shape
        for shape in figure.layout.shapes
        if shape.type == kind and all(shape.line[key] == value for key, value in line.items())
    ]


def test_every_network_is_a_mark_at_its_flops_in_the_row_of_its_template(counts):
    figure = flops_figure(counts)
    rows = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    marks = [mark for trace in figure.data for mark in zip(trace.x, trace.y, strict=True)]
    titles = {"sparsenn": "SparseNN", "decoupled_sparsenn": "Decoupled SparseNN"}
    nearest = sorted(
        (min(rows, key=lambda row: abs(rows[row] - place)), flops) for flops, place in marks
    )
    assert nearest == sorted(
        (f"<b>{titles[each.paradigm]} {each.scale.title()}</b>", each.flops) for each in counts
    )
    assert len(set(marks)) == len(counts)


def test_rows_are_in_the_catalogues_order_whatever_comes_first(counts):
    for order in (counts, counts[::-1]):
        axis = flops_figure(order).layout.yaxis
        assert [text.removeprefix("<b>").removesuffix("</b>") for text in axis.ticktext] == [
            "SparseNN Small",
            "SparseNN Large",
            "Decoupled SparseNN Small",
            "Decoupled SparseNN Large",
        ]
        assert list(axis.tickvals) == sorted(axis.tickvals)


def test_a_paradigm_has_one_colour_and_its_stages_have_symbols_of_their_own(counts):
    looks = {
        trace.name: (trace.marker.color, trace.marker.symbol) for trace in flops_figure(counts).data
    }
    assert set(looks) == {
        "SparseNN: ranking",
        "Decoupled SparseNN: pre-ranking",
        "Decoupled SparseNN: retrieval",
    }
    retrieval, pre_ranking = (
        looks[f"Decoupled SparseNN: {stage}"] for stage in ("retrieval", "pre-ranking")
    )
    assert retrieval[0] == pre_ranking[0] != looks["SparseNN: ranking"][0]
    assert retrieval[1] != pre_ranking[1]


@settings(max_examples=12)
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60))
def test_marks_stay_within_their_row_and_no_two_share_a_place(flops):
    figure = flops_figure([made("medium", each) for each in flops])
    (trace,) = figure.data
    assert all(abs(place) < 0.5 for place in trace.y)
    marks = list(zip(trace.x, trace.y, strict=True))
    assert len(set(marks)) == len(flops)
    low, high = figure.layout.xaxis.range
    assert all(low < math.log10(each) < high for each in flops)


def test_limits_cross_the_rows_of_their_paradigm_and_are_named_once(counts):
    figure = flops_figure(counts)
    rows = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    drawn = {each.x0: each for each in shapes(figure, "line", dash="dot")}
    assert set(drawn) == {5_000_000, 10_000_000, 20_000_000}
    for text, place in rows.items():
        for limit, line in drawn.items():
            crossed = line.y0 < place < line.y1
            assert crossed == (("Decoupled" in text) == (limit != 20_000_000))
    texts = [each.text for each in figure.layout.annotations]
    assert texts.count("retrieval<br>limit 5M") == 1
    assert texts.count("pre-ranking<br>limit 10M") == 1
    assert texts.count("ranking<br>limit 20M") == 1


def test_networks_above_their_limit_are_framed_and_counted(counts):
    framed = {
        (flops, trace.name)
        for trace in flops_figure(counts).data
        for flops, colour in zip(trace.x, trace.marker.line.color, strict=True)
        if colour != "white"
    }
    assert framed == {
        (30_000_000, "Decoupled SparseNN: pre-ranking"),
        (9_000_000, "Decoupled SparseNN: retrieval"),
    }
    over = {each.template: each.over_limit for each in summarise_flops(counts).templates}
    assert over["decoupled_sparsenn_large"] == 2
    assert sum(over.values()) == 2


def test_without_limits_there_are_no_lines_and_no_excess():
    free = [made("small", 1000, limit=None), made("large", 10**9, limit=None)]
    assert not shapes(flops_figure(free), "line", dash="dot")
    assert not any(each.over_limit for each in summarise_flops(free).templates)


def test_the_summary_is_of_each_templates_networks_and_of_all(counts):
    result = summarise_flops(counts)
    assert [each.template for each in result.templates] == [
        "sparsenn_small",
        "sparsenn_large",
        "decoupled_sparsenn_small",
        "decoupled_sparsenn_large",
    ]
    small = result.templates[0]
    assert small.flops.to_dict() == {"min": 40_000, "median": 40_000, "max": 81_000}
    assert small.dense_parameters.to_dict() == {"min": 20_000, "median": 20_000, "max": 40_500}
    assert result.templates[-1].stages == ("pre_ranking", "retrieval")
    assert result.flops.to_dict() == {
        "min": 20_000,
        "max": 30_000_000,
        "decades": pytest.approx(math.log10(1500)),
        "widest_gap": pytest.approx(9_000_000 / 81_000),
    }
    (alone,) = summarise_flops(counts[:1]).templates
    assert alone.flops.to_dict() == {"min": 30_000_000, "median": 30_000_000, "max": 30_000_000}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (999, "999"),
        (999.9, "1k"),
        (60_832, "60.8k"),
        (999_999, "1M"),
        (4_665_056, "4.67M"),
        (5_096_640, "5.1M"),
        (20_000_000, "20M"),
        (3e9, "3G"),
    ],
)
def test_amounts_have_three_digits_and_the_axis_suffix(value, expected):
    assert scaled(value) == expected


def test_the_page_shows_the_files_and_refers_to_nothing_outside(counts, tmp_path: Path):
    result = save_flops(counts, Folder(tmp_path))
    rows = pq.read_table(tmp_path / "flops.parquet").to_pylist()
    assert [Count(**row) for row in rows] == counts
    assert write_flops_report(Folder(tmp_path)) == f"{tmp_path}/report.html"
    html = (tmp_path / "report.html").read_text()
    page = Page(html)
    assert read_result(Folder(tmp_path), FlopsResult) == result
    assert json.loads(page.data) == json.loads((tmp_path / "result.json").read_text())
    assert page.references == []
    assert HOSTILE not in html
    table = {row[0]: row for row in page.rows("templates")}
    assert table["sparsenn_small"][1:] == (
        ["ranking", "4", "0", "40,000", "40,000", "81,000", "20,000", "20,000", "40,500"]
    )
    assert table["decoupled_sparsenn_large"][1:4] == ["pre-ranking, retrieval", "2", "2"]
    assert "2 above their stage's limit" in html
    write_flops_report(Folder(tmp_path))
    assert (tmp_path / "report.html").read_text() == html
