import itertools
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest

from smt.report.figures.confirmation import confirmation_figure
from smt.report.figures.deltas import colour_limit, delta_figure
from smt.report.figures.elbow import elbow_figure
from smt.report.figures.fleet import MAX_DRAWN, drawn, fleet_figure
from smt.report.figures.forest import forest_figure
from smt.report.figures.marks import lowest_drawn, on_axis
from smt.report.figures.packing import pack
from smt.report.figures.sensitivity import sensitivity_figure
from smt.report.figures.trials import trials_figure
from smt.results.run_reading import EvaluationRow, Run, read_run
from smt.results.technique import Replication
from smt.search.delta import Delta
from smt.spec import Spec
from smt.storage import Folder

S = TypeVar("S", bound=Spec)


def replace(spec: S, **changes: object) -> S:
    return spec.model_copy(update=changes)


def diverging(searched: Sequence[Sequence[EvaluationRow]], delta: float, trials: int) -> list:
    """What was searched, with this delta of the first model in the first trials."""
    return [
        [replace(cells[0], delta=Delta.measured(delta)), *cells[1:]] if row < trials else cells
        for row, cells in enumerate(searched)
    ]


def with_first(replication: Replication, delta: Delta, by_seed: tuple[Delta, ...]) -> Replication:
    """With other numbers of the first model."""
    first = next(iter(replication.deltas))
    return replace(
        replication,
        deltas={**replication.deltas, first: delta},
        by_seed=tuple(
            {**deltas, first: of_seed}
            for deltas, of_seed in zip(replication.by_seed, by_seed, strict=True)
        ),
    )


@pytest.fixture
def run(run_folder: Path) -> Run:
    return read_run(Folder(run_folder))


def test_the_heat_map_shows_every_delta_of_the_ledger_once(run: Run, run_folder: Path) -> None:
    rows = pq.read_table(run_folder / "evaluations.parquet").to_pylist()
    rows = [row for row in rows if row["seed"] == run.result.settings.seed]
    columns = list(run.result.representative_names)
    for technique in run.result.techniques:
        heat, crosses = delta_figure(technique, run.searched(technique)).data
        mine = [row for row in rows if row["technique"] == technique.name]
        assert len(mine) == len(heat.z) * len(columns)
        for row in mine:
            assert heat.z[row["trial"]][columns.index(row["model"])] == row["delta"]
        assert set(zip(crosses.y, crosses.x, strict=True)) == {
            (row["trial"], columns.index(row["model"])) for row in mine if row["failure"]
        }


def test_colours_are_centred_and_an_outlier_does_not_bleach_them(run: Run) -> None:
    technique = run.result.techniques[1]
    searched = run.searched(technique)
    before = colour_limit(searched)
    heat = delta_figure(technique, diverging(searched, -1000.0, trials=1)).data[0]
    assert heat.zmax == -heat.zmin
    assert heat.zmax <= 2 * before


def test_the_search_shows_feasible_trials_and_the_best_so_far(run: Run) -> None:
    technique = run.result.techniques[0]
    traces = {trace.name: trace for trace in trials_figure(technique, 0.05).data}
    values = {t.number: t.value for t in technique.trials if t.value is not None}
    points = traces["feasible: A"]
    assert dict(zip(points.x, points.y, strict=True)) == values
    assert list(traces["θ*"].y) == [values[technique.shown.number]]
    line = traces["best A so far"]
    assert line.y[-1] == max(values.values())
    assert list(line.y) == sorted(line.y)


def test_a_terrible_trial_sits_on_the_edge_and_keeps_its_number_in_the_hover(run: Run) -> None:
    technique = run.result.techniques[1]
    worst = replace(technique.trials[0], value=None, mean=-77.0)
    spoiled = replace(technique, trials=(worst, *technique.trials[1:]))
    figure = trials_figure(spoiled, 0.05)
    infeasible = next(trace for trace in figure.data if trace.name == "infeasible: μ")
    assert infeasible.y[0] == figure.layout.yaxis.range[0] > -1
    assert "μ −77.000%" in infeasible.hovertext[0]


def test_a_feasible_trial_in_which_a_network_diverged_flattens_no_picture(run: Run) -> None:
    technique = run.result.techniques[0]
    place = next(i for i, t in enumerate(technique.trials) if t.value is not None)
    trials = list(technique.trials)
    trials[place] = replace(trials[place], value=-2500.0, mean=-2500.0)
    before = trials_figure(technique, 0.05).layout.yaxis.range
    figure = trials_figure(replace(technique, trials=tuple(trials)), 0.05)
    low, high = figure.layout.yaxis.range
    assert high - low <= 1.2 * (before[1] - before[0])
    traces = {trace.name: trace for trace in figure.data}
    points = traces["feasible: A"]
    edge = list(points.x).index(trials[place].number)
    assert points.y[edge] == low
    assert points.marker.symbol[edge] == "triangle-down"
    assert "A −2500.000%" in points.hovertext[edge]
    assert min(traces["best A so far"].y) >= low


def test_a_quarter_of_diverged_networks_does_not_bleach_the_heat_map(run: Run) -> None:
    technique = run.result.techniques[1]
    searched = run.searched(technique)
    spoiled = diverging(searched, -5e4, trials=len(searched))
    assert colour_limit(spoiled) <= 2 * colour_limit(searched)


def test_a_model_that_diverged_is_a_triangle_on_the_edge_of_the_forest(run: Run) -> None:
    chosen = run.result.techniques[0].shown_candidate
    assert chosen is not None
    by_seed = (Delta.measured(-1e5), Delta.measured(0.1))
    spoiled = with_first(chosen, Delta.measured(-5e4, 3000.0), by_seed)
    before = forest_figure(chosen, None, 0.05).layout.xaxis.range
    figure = forest_figure(spoiled, None, 0.05)
    low, high = figure.layout.xaxis.range
    assert high - low <= 1.5 * (before[1] - before[0])
    means = next(trace for trace in figure.data if trace.name == "representatives")
    assert [*means.marker.symbol].index("triangle-left") == len(chosen.deltas) - 1
    assert low <= means.x[-1] <= high
    assert means.error_x.array[-1] is None
    assert "−50000.000%" in means.hovertext[-1]


def test_a_candidate_with_a_diverged_network_keeps_the_others_readable(run: Run) -> None:
    technique = run.result.techniques[0]
    first, *others = technique.confirmation
    broken = replace(first, mean=-2500.0, mean_sem=100.0, lower=-2700.0)
    figure = confirmation_figure(replace(technique, confirmation=(broken, *others)), 0.05)
    drawn = [x for trace in figure.data for x in trace.x or () if x is not None]
    assert min(drawn) > -10
    fresh = next(trace for trace in figure.data if trace.name == "on fresh seeds")
    assert fresh.marker.symbol[0] == "triangle-left"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.2, -0.4, None], -0.4),
        ([0.2, -0.4, -5e4], -0.4),
        ([0.2, -8.0, -5e4], -8.0),
        ([0.2, -8.0, -20.0], -20.0),
        ([-5e4, -6e4], -0.05),
        ([], -0.05),
    ],
)
def test_an_axis_leaves_out_only_what_is_far_below_all_else(values, expected) -> None:
    assert lowest_drawn(values, 0.0, -0.05) == expected


def test_what_lies_below_an_axis_is_a_triangle_on_its_edge_without_a_bar() -> None:
    marks = on_axis([0.1, -5.0, None, -1.0], -1.0, sems=[0.2, 0.3, None, 0.4], symbol="diamond")
    assert marks.places == [0.1, -1.0, None, -1.0]
    assert marks.symbols == ["diamond", "triangle-left", "diamond", "diamond"]
    assert marks.sems == [0.2, None, None, 0.4]


def test_every_candidate_shows_what_the_search_saw_and_what_fresh_seeds_say(run: Run) -> None:
    technique = next(each for each in run.result.techniques if each.name == "lucky")
    figure = confirmation_figure(technique, 0.05)
    traces = {trace.name: trace for trace in figure.data}
    search, fresh = traces["in the search, which chose it"], traces["on fresh seeds"]
    candidates = technique.confirmation
    assert list(search.x) == [technique.trial(each.trial).mean for each in candidates]
    assert list(fresh.x) == [each.mean for each in candidates]
    # That technique was lucky: every candidate is worse on fresh seeds.
    assert all(before > after for before, after in zip(search.x, fresh.x, strict=True))
    for each, centre, reach in zip(candidates, fresh.x, fresh.error_x.array, strict=True):
        assert centre - reach == pytest.approx(each.interval[0], abs=1e-5)
        assert centre + reach == pytest.approx(each.interval[1], abs=1e-5)
    assert list(traces["lower bound of the verdict"].x) == [each.lower for each in candidates]


def test_the_candidate_of_the_verdict_is_in_bold(run: Run) -> None:
    technique = run.result.techniques[0]
    names = confirmation_figure(technique, 0.05).layout.yaxis.ticktext
    bold = [name for name in names if name.startswith("<b>")]
    assert bold == [f"<b>trial {technique.shown.number}</b>"]


def test_a_candidate_that_breaks_a_model_on_fresh_seeds_is_a_cross(run: Run) -> None:
    technique = run.result.techniques[0]
    first, *others = technique.confirmation
    broken = replace(first, mean=None, mean_sem=None, interval=None, lower=None, value=None)
    figure = confirmation_figure(replace(technique, confirmation=(broken, *others)), 0.05)
    traces = {trace.name: trace for trace in figure.data}
    crosses = traces["a model failed on fresh seeds: no μ"]
    assert list(crosses.x) == [technique.trial(first.trial).mean]
    assert len(traces["on fresh seeds"].x) == len(others)


def test_the_forest_shows_every_model_sorted_and_the_holdout_below(run: Run) -> None:
    technique = next(each for each in run.result.techniques if each.name == "narrow")
    chosen, holdout = technique.shown_candidate, technique.holdout
    assert chosen is not None
    assert holdout is not None
    figure = forest_figure(chosen, holdout, 0.05)
    traces = {trace.name: trace for trace in figure.data}
    for name, found in (("representatives", chosen), ("holdout", holdout)):
        assert list(traces[name].x) == sorted(
            (d.value for d in found.deltas.values()), reverse=True
        )
        assert list(traces[name].y) == sorted(traces[name].y)
    assert max(traces["representatives"].y) < min(traces["holdout"].y)
    assert len(figure.layout.yaxis.ticktext) == len(chosen.deltas) + len(holdout.deltas)
    by_seed = (*chosen.by_seed, *holdout.by_seed)
    seeds = [delta.value for deltas in by_seed for delta in deltas.values()]
    assert sorted(traces["one seed"].x) == sorted(seeds)
    low, high = figure.layout.xaxis.range
    assert low < min(-0.05, *seeds) < max(seeds) < high


def test_a_model_that_failed_is_a_cross_in_the_last_row_of_its_group(run: Run) -> None:
    chosen = run.result.techniques[0].shown_candidate
    assert chosen is not None
    failed = Delta.failed("it broke")
    spoiled = with_first(chosen, failed, (failed, Delta.measured(0.1)))
    figure = forest_figure(spoiled, None, 0.05)
    crosses = next(trace for trace in figure.data if trace.name == "failed")
    assert list(crosses.y) == [len(chosen.deltas) - 1]
    assert "holdout" not in [trace.name for trace in figure.data]


def test_sensitivity_shows_every_beta_with_its_interval_and_the_models_own(run: Run) -> None:
    technique = run.result.techniques[0]
    figure = sensitivity_figure(technique.sensitivity, 0.05, run.result.representative_names)
    assert figure is not None
    dots, *decided = figure.data
    known = {name: s for name, s in technique.sensitivity.items() if s.beta is not None}
    assert sorted(dots.x) == sorted(beta for s in known.values() for beta in s.model_betas)
    shown = {}
    for trace in decided:
        bars = trace.error_x
        for beta, place, up, down in zip(
            trace.x, trace.y, bars.array, bars.arrayminus, strict=True
        ):
            shown[figure.layout.yaxis.ticktext[place]] = (trace.name, beta - down, beta + up)
    for name, each in known.items():
        decision, low, high = shown[name]
        assert decision == each.decision
        assert (low, high) == pytest.approx(each.interval)


def test_sensitivity_without_any_beta_is_no_figure(run: Run) -> None:
    silent = {
        name: replace(each, beta=None, interval=None, model_betas=())
        for name, each in run.result.techniques[0].sensitivity.items()
    }
    assert sensitivity_figure(silent, 0.05, []) is None


def shown_fleet(run: Run) -> go.Figure:
    return fleet_figure(run.models, run.result.representative_names)


def test_the_fleet_shows_every_model_and_numbers_the_representatives(run: Run) -> None:
    dots, numbered = shown_fleet(run).data
    assert len(dots.x) == len(run.models) - len(run.result.representatives)
    assert sorted(numbered.text) == [f"<b>{index}</b>" for index in range(1, 6)]
    for text, hover in zip(numbered.text, numbered.hovertext, strict=True):
        assert f"represented by {text.strip('<b>/')}:" in hover
        assert "inference FLOPs: " in hover


def test_of_a_large_fleet_some_models_and_all_representatives_are_drawn(run: Run) -> None:
    members = [replace(run.models[-1], model=str(index)) for index in range(3 * MAX_DRAWN)]
    chosen = [model for model in run.models if model.representative]
    shown = drawn([*members, *chosen])
    assert [model for model in shown if model.representative] == chosen
    others = [int(model.model) for model in shown if not model.representative]
    assert MAX_DRAWN / 2 < len(others) <= MAX_DRAWN
    assert len({second - first for first, second in pairwise(others)}) == 1
    assert drawn(run.models) == list(run.models)


def test_the_elbow_marks_the_number_of_representatives_on_both_curves(run: Run) -> None:
    inertia, mark, silhouette, other = elbow_figure(
        run.result.inertias, run.result.silhouettes, 5
    ).data
    assert dict(zip(inertia.x, inertia.y, strict=True)) == run.result.inertias
    assert (mark.x, mark.y) == ((5,), (run.result.inertias[5],))
    assert dict(zip(silhouette.x, silhouette.y, strict=True)) == run.result.silhouettes
    assert (other.x, other.y) == ((5,), (run.result.silhouettes[5],))


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
