import itertools
import math
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from smt.execution.storage import Folder
from smt.report.contents import Run, read_run
from smt.report.delta_figure import colour_limit, delta_figure
from smt.report.fleet_figure import elbow_figure, fleet_figure
from smt.report.packing import pack
from smt.report.trials_figure import trials_figure


@pytest.fixture
def run(run_folder: Path) -> Run:
    return read_run(Folder(run_folder))


def test_the_heat_map_shows_every_delta_of_the_ledger_once(run: Run, run_folder: Path) -> None:
    rows = pq.read_table(run_folder / "evaluations.parquet").to_pylist()
    columns = [each.model for each in run.representatives]
    for technique in run.techniques:
        heat, crosses = delta_figure(technique).data
        mine = [row for row in rows if row["technique"] == technique.name]
        assert len(mine) == len(heat.z) * len(columns)
        for row in mine:
            assert heat.z[row["trial"]][columns.index(row["model"])] == row["delta"]
        assert set(zip(crosses.y, crosses.x, strict=True)) == {
            (row["trial"], columns.index(row["model"])) for row in mine if row["failure"]
        }


def test_colours_are_centred_and_an_outlier_does_not_bleach_them(run: Run) -> None:
    technique = run.techniques[1]
    before = colour_limit(technique)
    first = technique.trials[0]
    cells = (replace(first.cells[0], delta=-1000.0), *first.cells[1:])
    spoiled = replace(technique, trials=(replace(first, cells=cells), *technique.trials[1:]))
    heat = delta_figure(spoiled).data[0]
    assert heat.zmax == -heat.zmin
    assert heat.zmax <= 2 * before


def test_the_search_shows_feasible_trials_and_the_best_so_far(run: Run) -> None:
    technique = run.techniques[0]
    traces = {trace.name: trace for trace in trials_figure(technique, 0.05).data}
    values = {t.number: t.value for t in technique.trials if t.value is not None}
    points = traces["feasible: A"]
    assert dict(zip(points.x, points.y, strict=True)) == values
    assert list(traces["best: A*"].y) == [max(values.values())]
    line = traces["best A so far"]
    assert line.y[-1] == max(values.values())
    assert list(line.y) == sorted(line.y)


def test_a_terrible_trial_sits_on_the_edge_and_keeps_its_number_in_the_hover(run: Run) -> None:
    technique = run.techniques[1]
    worst = replace(technique.trials[0], value=None, mean=-77.0)
    spoiled = replace(technique, trials=(worst, *technique.trials[1:]), shown=7)
    figure = trials_figure(spoiled, 0.05)
    infeasible = next(trace for trace in figure.data if trace.name == "infeasible: μ")
    assert infeasible.y[0] == figure.layout.yaxis.range[0] > -1
    assert "μ −77.000%" in infeasible.hovertext[0]


def test_the_fleet_shows_every_model_and_numbers_the_representatives(run: Run) -> None:
    dots, numbered = fleet_figure(run).data
    assert len(dots.x) == len(run.models) - len(run.representatives)
    assert sorted(numbered.text) == [f"<b>{index}</b>" for index in range(1, 6)]
    for text, hover in zip(numbered.text, numbered.hovertext, strict=True):
        assert f"represented by {text.strip('<b>/')}:" in hover
        assert "inference FLOPs: " in hover


def test_the_elbow_marks_the_number_of_representatives(run: Run) -> None:
    curve, mark = elbow_figure(run).data
    assert dict(zip(curve.x, curve.y, strict=True)) == run.inertias
    assert (mark.x, mark.y) == ((5,), (run.inertias[5],))


def test_models_of_one_place_are_drawn_apart_and_stay_near_it(run: Run) -> None:
    models = [
        replace(run.models[0], model=str(index), cluster=index % 3, representative=index < 3)
        for index in range(90)
    ]
    places = pack(models, (480.0, 280.0))
    assert min(itertools.starmap(math.dist, itertools.combinations(places, 2))) > 8
    assert all(math.dist(place, (240, 140)) < 130 for place in places)


def test_models_that_differ_are_drawn_where_they_are(run: Run) -> None:
    models = [replace(run.models[0], x=x, y=y) for x, y in ((0.0, 0.0), (1.0, 3.0), (2.0, 1.5))]
    assert pack(models, (100.0, 60.0)) == [(0.0, 0.0), (50.0, 60.0), (100.0, 30.0)]
