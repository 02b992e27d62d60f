import json

import pytest
from written_page import Page

from smt.report.figures.capacity import frontier_figure
from smt.report.pages.capacity import capacity_page
from smt.results.capacity import CapacityResult, ChosenTemplate, FrontierPoint, ModelChoice

HOSTILE = "<b>busy</b>"


def choice(model, template, gain, flops):
    return ModelChoice(
        model=model,
        weight=2.0,
        today="small@1",
        template=template,
        gain=gain,
        sem=0.02,
        flops=flops,
        flops_today=100.0,
    )


@pytest.fixture
def result():
    return CapacityResult(
        fleet="made",
        launches=("runs/large",),
        budget=1.5,
        cost=1.5,
        flops=150.0,
        flops_today=100.0,
        gain=0.2,
        gain_sem=0.014,
        shadow_price=0.004,
        templates={
            "large@1": ChosenTemplate(models=1, traffic=0.5, gain=0.4),
            "small@1": ChosenTemplate(models=1, traffic=0.5, gain=0.0),
        },
        frontier=(FrontierPoint(cost=1.0, gain=0.0), FrontierPoint(cost=1.5, gain=0.2)),
        choices=(choice(HOSTILE, "large@1", 0.4, 200.0), choice("rare", "small@1", 0.0, 100.0)),
        left_out=("broken",),
    )


def test_the_page_has_a_row_a_model_and_a_row_a_template(result):
    html = capacity_page(result)
    page = Page(html)
    assert page.references == []
    assert CapacityResult.parse(json.loads(page.data), source="page") == result
    assert page.rows("templates") == [
        ["large@1", "1", "50.0%", "+0.400%"],
        ["small@1", "1", "50.0%", "+0.000%"],
    ]
    assert [row[:4] for row in page.rows("models")] == [
        [HOSTILE, "2", "small@1", "large@1"],
        ["rare", "2", "small@1", "small@1"],
    ]
    assert "mean Δ by traffic +0.200% ± 0.014% at 1.5000 times today" in html
    assert "1 model left as it is" in html


def test_the_frontier_marks_today_and_the_choice(result):
    line, today, chosen = frontier_figure(result).data
    assert (list(line.x), list(line.y)) == ([1.0, 1.5], [0.0, 0.2])
    assert (today.x[0], today.y[0]) == (1.0, 0.0)
    assert (chosen.x[0], chosen.y[0]) == (1.5, 0.2)
