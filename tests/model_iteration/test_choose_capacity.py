from pathlib import Path

import pytest
import yaml
from made_costs import made_cost
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet, load_fleet
from smt.model_iteration import Evidence, FleetLaunch, Launch, LaunchSettings, decide
from smt.model_iteration.choose_capacity import choose_capacity, save_capacity
from smt.model_iteration.instance import Tuning
from smt.model_iteration.record import save_instances
from smt.report.terminal.capacity import capacity_sentences
from smt.results.capacity import CapacityResult
from smt.results.folder import read_result
from smt.search.delta import Delta
from smt.storage import Folder
from smt.template import Template

TEMPLATE = Template(name="made")
WEIGHTS = {"busy": 6.0, "rare": 1.0, "held": 2.0, "broken": 1.0}
FLEET = Fleet(name="made", models=tuple(made_model(name, weight=w) for name, w in WEIGHTS.items()))


def launch(
    folder, template, flops, deltas, *, baseline="small@1", fleet=FLEET, beyond=(), **changes
):
    """A finished launch: model -> its Δ, or None of one that is not trained.

    Of (model, template) in `beyond` a limit of the model is broken; changes are of all instances.
    """
    evidence = []
    for model in fleet.models:
        delta = deltas[model.name]
        if delta is None:
            failed = {"finding": "failed", "reasons": ("no",), "delta": Delta.failed("no")}
            evidence.append(Evidence(model=model.name, key="key", **failed))
            continue
        kept = (model.name, template) not in beyond
        evidence.append(
            Evidence(
                model=model.name,
                key="key",
                finding="could ship" if kept else "held back",
                reasons=() if kept else ("FLOPs exceed its limit",),
                delta=Delta.measured(delta, 0.01),
                cost=made_cost(flops),
                within_limits=kept,
                **{"baseline_ne": 0.9, "baseline_cost": made_cost(100), **changes},
            )
        )
    compared = None if baseline is None else TEMPLATE
    made = Launch(TEMPLATE, template, 1, compared, baseline)
    launched = FleetLaunch(dict.fromkeys((model.name for model in fleet.models), made))
    settings = LaunchSettings()
    instances = decide(fleet.models, evidence, settings)
    save_instances(instances, fleet, launched, settings, Folder(folder))
    return str(folder)


@pytest.fixture
def launches(tmp_path):
    return [
        launch(
            tmp_path / "large",
            "large@1",
            200,
            {"busy": 0.4, "rare": 0.9, "held": -0.3, "broken": None},
        ),
        launch(
            tmp_path / "lean",
            "lean@1",
            50,
            {"busy": -0.04, "rare": -0.01, "held": -0.02, "broken": None},
        ),
    ]


def templates_of(result):
    return {choice.model: choice.template for choice in result.choices}


def test_traffic_goes_where_it_gains_most_at_todays_cost(launches):
    result = choose_capacity(launches)
    # Of nine shares of traffic, six times 100 more for 'busy' would not fit; 'rare' and 'held' pay
    # for each other.
    assert templates_of(result) == {"busy": "small@1", "rare": "large@1", "held": "lean@1"}
    assert result.gain == pytest.approx((0.9 - 2 * 0.02) / 9)
    assert (result.flops_today, result.flops) == (100, pytest.approx((600 + 200 + 100) / 9))
    assert result.left_out == ("broken",)
    assert {name: t.models for name, t in result.templates.items()} == {
        "small@1": 1,
        "large@1": 1,
        "lean@1": 1,
    }


def test_a_larger_budget_buys_all_that_gains(launches):
    result = choose_capacity(launches, budget=2.0)
    assert templates_of(result) == {"busy": "large@1", "rare": "large@1", "held": "small@1"}
    assert result.shadow_price == pytest.approx(0.0)
    gains = [point.gain for point in result.frontier]
    assert gains == sorted(gains)
    assert gains[-1] == pytest.approx(result.gain)


def test_what_breaks_a_models_limit_is_no_option_and_what_only_fell_or_grew_is(tmp_path):
    deltas = {"busy": 0.4, "rare": 0.9, "held": -0.3, "broken": 0.1}
    beyond = [("rare", "large@1")]
    large = launch(tmp_path / "large", "large@1", 200, deltas, beyond=beyond)
    lean = launch(tmp_path / "lean", "lean@1", 50, dict.fromkeys(WEIGHTS, -0.2))
    assert templates_of(choose_capacity([large, lean], budget=9)) == {
        "busy": "large@1",
        "rare": "small@1",
        "held": "small@1",
        "broken": "large@1",
    }
    # What is held back for its fall pays for what gains more.
    assert "lean@1" in templates_of(choose_capacity([large, lean], budget=0.8)).values()


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (0.0, "the budget is 0; it must be a positive multiple"),
        (float("inf"), "the budget is inf; it must be"),
        (float("nan"), "the budget is nan; it must be"),
        (0.1, r"0\.1 times today's cost; the cheapest templates take 0\.5"),
    ],
)
def test_a_budget_that_nothing_fits_is_refused_with_the_least(launches, budget, message):
    with pytest.raises(InputError, match=message):
        choose_capacity(launches, budget=budget)


def test_a_choice_is_not_written_over_a_run_nor_for_another_fleet(launches, tmp_path):
    result = choose_capacity(launches)
    with pytest.raises(InputError, match="'kind' is 'launch'; that of a capacity is needed"):
        save_capacity(result, Folder(launches[0]))
    demo = str(Path(__file__).parents[2] / "experiments" / "fleets" / "demo.yaml")
    with pytest.raises(InputError, match="has no model 'broken'; the launches are of fleet 'made'"):
        save_capacity(result, Folder(tmp_path / "out"), demo)
    assert not Folder(tmp_path / "out").list()


def fleet_document(**own):
    """The fleet's file, every model of which has these keys too."""
    shared = {"stage": "ranking", "events": ["click"], "surface": "all", "data_constraint": "full"}
    return {
        "name": "made",
        "log": "log",
        "stages": {"ranking": {"features": ["user"]}},
        "surfaces": {"all": {}},
        "data_constraints": {"full": {}},
        "templates": [{"template": "small@1"}],
        "models": [{"name": name, **own, **shared} for name in WEIGHTS],
    }


def test_the_choice_is_kept_as_a_table_and_as_a_fleet(launches, tmp_path):
    result = choose_capacity(launches)
    file = tmp_path / "shop.yaml"
    document = fleet_document()
    file.write_text(yaml.safe_dump(document))
    folder = Folder(tmp_path / "out")
    save_capacity(result, folder, str(file))
    assert read_result(folder, CapacityResult) == result
    assert folder.read_table("choices.parquet")["template"].to_pylist() == [
        "small@1",
        "large@1",
        "lean@1",
    ]
    assert "1 model left as it is" in capacity_sentences(result)[-1]
    fleet = load_fleet(folder.path("fleet.yaml"))
    assert fleet.templates == ()
    assert {model.name: model.template for model in fleet.models} == {
        **templates_of(result),
        "broken": "small@1",
    }


def test_options_that_are_compared_with_different_things_are_refused(launches, tmp_path):
    deltas = dict.fromkeys(WEIGHTS, 0.1)
    other = launch(tmp_path / "other", "other@1", 10, deltas, baseline="small@2")
    with pytest.raises(InputError, match=r"'busy' is compared with .* small@1 and small@2"):
        choose_capacity([*launches, other])
    alone = launch(tmp_path / "alone", "other@1", 10, deltas, baseline=None)
    with pytest.raises(InputError, match=r"model 'busy' is compared with nothing; .*incumbent"):
        choose_capacity([*launches, alone])


def test_models_that_others_serve_are_left_as_they_are(tmp_path):
    """What predictions cost that were made elsewhere is not known."""
    deltas = dict.fromkeys(WEIGHTS, 0.1)
    outside = {"baseline": "today.parquet", "baseline_cost": None}
    one = launch(tmp_path / "one", "one@1", 10, deltas, **outside)
    with pytest.raises(InputError, match=r"what its models cost today is known of none: .* elsew"):
        choose_capacity([one])
    other = launch(tmp_path / "other", "two@1", 10, deltas, **outside | {"baseline": "b.parquet"})
    with pytest.raises(InputError, match=r"'busy' is compared with .* b.parquet and today.parq"):
        choose_capacity([one, other])


def test_what_stays_on_a_checkpoint_keeps_its_line(tmp_path):
    """Its folder is no template."""
    today = "june/models/busy"
    worse = launch(tmp_path / "worse", "one@1", 10, dict.fromkeys(WEIGHTS, -1.0), baseline=today)
    result = choose_capacity([worse])
    assert templates_of(result) == dict.fromkeys(WEIGHTS, today)
    document = fleet_document(incumbent={"checkpoint": today})
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(document))
    folder = Folder(tmp_path / "out")
    save_capacity(result, folder, str(tmp_path / "shop.yaml"))
    for model in load_fleet(folder.path("fleet.yaml")).models:
        assert model.template == "small@1"
        assert model.incumbent.checkpoint == today


def test_launches_on_other_rows_and_tuned_ones_are_refused(launches, tmp_path):
    deltas = dict.fromkeys(WEIGHTS, 0.1)
    other = launch(tmp_path / "other", "other@1", 10, deltas, baseline_ne=0.91)
    with pytest.raises(InputError, match="'busy' is compared with small@1 on other rows or anoth"):
        choose_capacity([*launches, other])
    tuning = Tuning(choice="kept", default={"training.dense_rate": 0.1}, evaluations=4)
    tuned = launch(tmp_path / "tuned", "tuned@1", 10, deltas, tuning=tuning)
    with pytest.raises(InputError, match="tuned: models chose hyperparameters of their own"):
        choose_capacity([*launches, tuned])


def test_launches_of_different_fleets_are_refused(launches, tmp_path):
    fleet = FLEET.model_copy(update={"name": "other"})
    other = launch(tmp_path / "x", "x@1", 10, dict.fromkeys(WEIGHTS, 0.1), fleet=fleet)
    with pytest.raises(InputError, match=r"of different fleets: .* of 'made'.* of 'other'"):
        choose_capacity([*launches, other])
    with pytest.raises(InputError, match="no launches are given"):
        choose_capacity([])
    with pytest.raises(InputError, match="the folder of a finished launch is needed"):
        choose_capacity([str(tmp_path)])
