import json

import pytest
from written_page import Page

from smt.report.figures.launch import instances_figure
from smt.report.pages.launch import instances_page, instances_sentence, instances_summary

HOSTILE = 'click/<b>all</b>&"x"/</script>'


def row(model, outcome, delta, **fields):
    known = delta is not None
    return {
        "model": model,
        "outcome": outcome,
        "delta": delta,
        "sem": 0.1 if known else None,
        "ne": 0.8 if known else None,
        "baseline_ne": 0.81 if known else None,
        "reasons": [],
        "seconds": 4.0,
        "device_hours": 0.5,
        "latency_ms": 2.0 if known else None,
        "baseline_latency_ms": 4.0 if known else None,
        **fields,
    }


@pytest.fixture
def rows():
    return [
        row("a", "ships", 0.2),
        row(HOSTILE, "held back", -0.4, reasons=["Δ is below <α>"]),
        row("c", "failed", None, reasons=["DivergedError"], seconds=9.0),
        row("d", "ships", 0.6),
    ]


def deltas(count):
    return {
        "models": count,
        "mean": 0.4,
        "mean_by_traffic": 0.41,
        "min": -0.4,
        "quartiles": [0.1, 0.2, 0.3],
        "max": 0.6,
        "better": 2,
        "worse": 1,
        "regressed": 1,
    }


@pytest.fixture
def result(rows):
    group = {"models": 4, "ships": 2, "held back": 1, "failed": 1, "mean_delta": 0.13}
    names = ("stage", "inference_hardware", "event", "surface", "data_constraint")
    change = {"before": 100.0, "after": 90.0, "saved_percent": 10.0}
    return {
        "fleet": "made",
        "template": "small@2",
        "baseline": "small@1",
        "settings": {"alpha": 0.05, "seed": 3, "limit_minutes": None},
        "models": 4,
        "outcomes": {"ships": 2, "held back": 1, "failed": 1},
        "delta": deltas(3),
        "shipped_delta": deltas(2),
        "cost": {"models": 3, "flops": change, "bytes": change},
        "tuning": None,
        "attributes": {name: {"pre_ranking": group} for name in names},
        "not_shipped": [
            {key: each[key] for key in ("model", "outcome", "reasons", "delta", "sem")}
            for each in rows[1:3]
        ],
    }


def test_the_page_names_what_does_not_ship_and_why(result, rows):
    page = Page(instances_page(result, rows))
    assert page.references == []
    assert json.loads(page.data) == result
    assert page.rows("not_shipped") == [
        [HOSTILE, "held back", "−0.400%", "0.100%", "Δ is below <α>"],
        ["c", "failed", "–", "–", "DivergedError"],
    ]


def test_the_page_says_what_it_is_worth_and_costs(result, rows):
    html = instances_page(result, rows)
    page = Page(html)
    assert (
        "2 of 4 models ship, 1 held back, 1 failed; those that ship gain +0.400% on average over "
        "small@1, +0.600% at most" in html
    )
    assert [cells[:3] for cells in page.rows("changes")] == [
        ["compared", "3", "+0.400%"],
        ["that ship", "2", "+0.400%"],
    ]
    assert page.rows("cost")[0] == ["FLOPs an example, mean by traffic", "100", "90", "+10.000%"]
    assert page.rows("cost")[2][1:] == ["4.00", "2.00", "+50.000%"]
    assert page.rows("attributes")[0] == ["stage", "pre-ranking", "4", "2", "1", "1", "+0.130%"]
    assert "<dd>2.00</dd>" in html
    assert "4.0 (median), 9.0 at most" in html


def test_where_nothing_was_compared_the_page_still_says_what_ships(result, rows):
    bare = {**result, "baseline": None, "delta": None, "shipped_delta": None, "cost": None}
    html = instances_page(bare, [row(each["model"], each["outcome"], None) for each in rows])
    assert "2 of 4 models ship, 1 held back, 1 failed.</p>" in html
    assert "What it costs" not in html


def test_the_page_says_what_models_chose_for_themselves(result, rows):
    assert "chose for themselves" not in instances_page(result, rows)
    numbers = {"default": 0.002, "searched": 3, "chosen": 2, "set": 1}
    spread = {"least": 0.001, "median": 0.0123456, "most": 0.05}
    words = {"default": "fp32", "searched": 3, "chosen": 2, "set": 0, "values": [["bf<16>", 2]]}
    tuning = {
        "models": 4,
        "chosen": 2,
        "kept": 1,
        "failed": [{"model": HOSTILE, "remark": "not tuned, as <it> failed"}],
        "evaluations": 25,
        "failures": 3,
        "gain": 0.4,
        "hyperparameters": {"training.dense_rate": {**numbers, **spread}, "precision": words},
    }
    html = instances_page({**result, "tuning": tuning}, rows)
    page = Page(html)
    assert (
        "Of 4 models to tune, 2 chose values of their own and 1 kept the defaults; 1 could not be "
        "tuned. It took 25 evaluations, of which 3 failed. On the rows that confirmed them, the "
        "median gain is +0.400%." in html
    )
    assert page.rows("tuning") == [
        ["training.dense_rate", "0.002", "0.001 to 0.05, median 0.01235", "2 of 3", "1"],
        ["precision", "fp32", "bf<16> × 2", "2 of 3", "0"],
    ]
    assert page.rows("not_tuned") == [[HOSTILE, "not tuned, as <it> failed"]]


def test_the_figure_has_every_compared_model_once_from_the_best_to_the_worst(rows):
    figure = instances_figure(rows, 0.05)
    dots = [trace for trace in figure.data if trace.type == "scatter"]
    points = sorted(
        (x, y, trace.name) for trace in dots for x, y in zip(trace.x, trace.y, strict=True)
    )
    assert points == [(1, 0.6, "ships"), (2, 0.2, "ships"), (3, -0.4, "held back")]
    binned = [trace for trace in figure.data if trace.type == "histogram"]
    assert sorted(y for trace in binned for y in trace.y) == [-0.4, 0.2, 0.6]
    for trace in binned:
        assert trace.ybins.start <= min(trace.y)
        assert max(trace.y) < trace.ybins.end
    assert instances_figure([rows[2]], 0.05) is None


def test_the_terminal_shows_a_row_a_stage(result):
    assert instances_sentence(result) == (
        "2 of 4 models ship, 1 held back, 1 failed; those that ship gain +0.400% on average over "
        "small@1, +0.600% at most"
    )
    table = instances_summary(result)
    assert [list(column.cells) for column in table.columns] == [
        ["pre_ranking"],
        ["4"],
        ["2"],
        ["1"],
        ["1"],
        ["+0.130%"],
    ]


def test_a_model_that_diverged_is_on_the_edge_of_the_figure(rows):
    worst = {**rows[1], "delta": -5e4, "sem": 3000.0}
    figure = instances_figure([*rows, worst], 0.05)
    drawn = [y for trace in figure.data for y in trace.y]
    assert min(drawn) == -0.4
    assert any("−50000.000%" in text for trace in figure.data for text in trace.hovertext or ())
