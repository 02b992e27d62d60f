import json

import pytest
from written_page import Page

from smt.report.figures.launch import instances_figure
from smt.report.pages.launch import instances_page
from smt.report.terminal.launch import instances_sentence, instances_summary
from smt.results.launch import (
    AttributeGroup,
    CostChange,
    CostSummary,
    DeltaSummary,
    HeldModel,
    LaunchResult,
    MeanDelta,
    ShippedSummary,
    TunedHyperparameter,
    TuningSummary,
    UntunedModel,
)
from smt.results.launch_models import LaunchedModel
from smt.results.launch_settings import LaunchSettings
from smt.search.delta import Delta

HOSTILE = 'click/<b>all</b>&"x"/</script>'


def launched(model, outcome, delta, **fields):
    known = delta is not None
    values = {
        "model": model,
        "outcome": outcome,
        "delta": Delta.of(delta, 0.1),
        "ne": 0.8 if known else None,
        "baseline_ne": 0.81 if known else None,
        "posterior_delta": delta / 2 if known else None,
        "reasons": (),
        "seconds": 4.0,
        "device_hours": 0.5,
        "latency_ms": 2.0 if known else None,
        "baseline_latency_ms": 4.0 if known else None,
    }
    return LaunchedModel(**{**values, **fields})


@pytest.fixture
def models():
    return [
        launched("a", "ships", 0.2),
        launched(HOSTILE, "held back", -0.4, reasons=("Δ is below <α>",)),
        launched("c", "failed", None, reasons=("DivergedError",), seconds=9.0),
        launched("d", "ships", 0.6),
    ]


def deltas(count):
    return DeltaSummary(
        models=count,
        each=MeanDelta(mean=0.4, interval=(0.1, 0.7)),
        by_traffic=MeanDelta(mean=0.41, interval=(-0.1, 0.92)),
        min=-0.4,
        quartiles=(0.1, 0.2, 0.3),
        max=0.6,
        better=2,
        worse=1,
        regressed=1,
    )


@pytest.fixture
def result(models):
    group = AttributeGroup(models=4, ships=2, held_back=1, failed=1, mean_delta=0.13)
    names = ("stage", "inference_hardware", "event", "surface", "data_constraint")
    change = CostChange(before=100, everywhere=110, after=90, budget=105, saved_percent=10)
    return LaunchResult(
        fleet="made",
        templates={"small@2": ("small@1",)},
        settings=LaunchSettings(alpha=0.05, seed=3),
        models=4,
        outcomes={"ships": 2, "held back": 1, "failed": 1},
        delta=deltas(3),
        shipped=ShippedSummary(models=2, mean=0.2, mean_by_traffic=0.21),
        cost=CostSummary(models=3, flops=change, bytes=change),
        tuning=None,
        attributes={name: {"pre_ranking": group} for name in names},
        not_shipped=tuple(
            HeldModel(
                model=each.model, outcome=each.outcome, reasons=each.reasons, delta=each.delta
            )
            for each in models[1:3]
        ),
    )


def test_the_page_names_what_does_not_ship_and_why(result, models):
    page = Page(instances_page(result, models))
    assert page.references == []
    assert LaunchResult.parse(json.loads(page.data), source="page") == result
    assert json.loads(page.data)["attributes"]["stage"]["pre_ranking"]["held back"] == 1
    assert page.rows("not_shipped") == [
        [HOSTILE, "held back", "−0.400%", "0.100%", "Δ is below <α>"],
        ["c", "failed", "–", "–", "DivergedError"],
    ]


def test_the_page_says_what_it_is_worth_and_costs(result, models):
    html = instances_page(result, models)
    page = Page(html)
    assert (
        "2 of 4 models ship, 1 held back, 1 failed; over small@1 the launch helps: mean Δ +0.400% "
        "[+0.100%, +0.700%] over all 3 models compared, +0.410% [−0.100%, +0.920%] by traffic"
        in html
    )
    assert page.rows("means") == [
        ["all, each alike", "3", "+0.400%", "[+0.100%, +0.700%]", "helps"],
        ["all, by traffic", "3", "+0.410%", "[−0.100%, +0.920%]", "is neutral"],
        ["that ship, each alike", "2", "+0.200%", "–", "selected"],
        ["that ship, by traffic", "2", "+0.210%", "–", "selected"],
    ]
    assert page.rows("changes") == [
        ["3", "−0.400%", "+0.100%, +0.200%, +0.300%", "+0.600%", "2", "1", "1"]
    ]
    flops = ["FLOPs an example, mean by traffic", "100", "110", "90", "105", "+10.000%"]
    assert page.rows("cost")[0] == flops
    assert page.rows("cost")[2][1:] == ["4.00", "2.00", "–", "–", "+50.000%"]
    assert "may grow by 5%" in html
    assert page.rows("attributes")[0] == ["stage", "pre-ranking", "4", "2", "1", "1", "+0.130%"]
    assert "<dd>2.00</dd>" in html
    assert "4.0 (median), 9.0 at most" in html


def test_where_nothing_was_compared_the_page_still_says_what_ships(result, models):
    nothing = dict.fromkeys(("delta", "shipped", "cost"))
    bare = result.model_copy(update=nothing)
    html = instances_page(bare, [launched(each.model, each.outcome, None) for each in models])
    assert "2 of 4 models ship, 1 held back, 1 failed.</p>" in html
    assert "What it costs" not in html


def test_the_page_says_what_models_chose_for_themselves(result, models):
    assert "chose for themselves" not in instances_page(result, models)
    rate = TunedHyperparameter(
        default=0.002, searched=3, chosen=2, set=1, least=0.001, median=0.0123456, most=0.05
    )
    words = TunedHyperparameter(
        default="fp32", searched=3, chosen=2, set=0, values=(("bf<16>", 2),)
    )
    tuning = TuningSummary(
        models=4,
        chosen=2,
        kept=1,
        failed=(UntunedModel(model=HOSTILE, remark="not tuned, as <it> failed"),),
        evaluations=25,
        failures=3,
        gain=0.4,
        hyperparameters={"training.dense_rate": rate, "precision": words},
    )
    html = instances_page(result.model_copy(update={"tuning": tuning}), models)
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


def test_the_figure_has_every_compared_model_once_from_the_best_to_the_worst(models):
    figure = instances_figure(models, 0.05)
    *dots, rings = [trace for trace in figure.data if trace.type == "scatter"]
    points = sorted(
        (x, y, trace.name) for trace in dots for x, y in zip(trace.x, trace.y, strict=True)
    )
    assert points == [(1, 0.6, "ships"), (2, 0.2, "ships"), (3, -0.4, "held back")]
    assert [*zip(rings.x, rings.y, strict=True)] == [(1, 0.3), (2, 0.1), (3, -0.2)]
    binned = [trace for trace in figure.data if trace.type == "histogram"]
    assert sorted(y for trace in binned for y in trace.y) == [-0.4, 0.2, 0.6]
    for trace in binned:
        assert trace.ybins.start <= min(trace.y)
        assert max(trace.y) < trace.ybins.end
    assert instances_figure([models[2]], 0.05) is None


def test_the_terminal_shows_a_row_a_stage(result):
    assert instances_sentence(result) == (
        "2 of 4 models ship, 1 held back, 1 failed; over small@1 the launch helps: mean Δ +0.400% "
        "[+0.100%, +0.700%] over all 3 models compared, +0.410% [-0.100%, +0.920%] by traffic"
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


def test_a_model_that_diverged_is_on_the_edge_of_the_figure(models):
    worst = models[1].model_copy(update={"delta": Delta.measured(-5e4, 3000.0)})
    figure = instances_figure([*models, worst], 0.05)
    drawn = [y for trace in figure.data for y in trace.y]
    assert min(drawn) == -0.4
    assert any("−50000.000%" in text for trace in figure.data for text in trace.hovertext or ())


@pytest.mark.parametrize(
    ("interval", "effect"),
    [((0.01, 0.2), "helps"), ((-0.1, 0.2), "is neutral"), ((-0.2, -0.01), "harms"), (None, None)],
)
def test_what_the_interval_says_is_said_in_a_word(interval, effect, result):
    mean = MeanDelta(mean=0.05, interval=interval)
    assert mean.effect == effect
    summary = result.delta.model_copy(update={"each": mean, "by_traffic": None})
    said = instances_sentence(result.model_copy(update={"delta": summary}))
    assert f"the launch {effect or 'is of unknown effect'}: mean Δ +0.050%" in said
    assert "by traffic" not in said
