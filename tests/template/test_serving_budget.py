import pytest

from smt.errors import InputError
from smt.search.encoding import Encoding
from smt.techniques import catalogue
from smt.template import catalogue as templates
from smt.template import serving_budget
from smt.template.card import model_card
from smt.template.serving_budget import CostCounter, NetworkCost, ServingBudget

FEATURES = ("user", "item", "user_age", "item_price", "item_tags", "item_content", "history")


@pytest.fixture(autouse=True)
def schemas(monkeypatch, small_log):
    monkeypatch.setattr(serving_budget, "log_schema", lambda _: small_log.schema)


def of_all(models, template):
    return {model.name: template for model in models}


def card_cost(template, model, small_log):
    card = model_card(template, model, small_log.schema)
    return NetworkCost(card.flops, card.bytes)


@pytest.mark.parametrize("events", [("click",), ("like",), ("click", "like")])
@pytest.mark.parametrize("entire_space", [False, True])
@pytest.mark.parametrize("auxiliary", [None, {"source": "events", "count": 2, "weight": 0.1}])
def test_costs_are_those_of_the_model_card(
    small_template, member, small_log, events, entire_space, auxiliary
):
    template = small_template.change("architecture", entire_space=entire_space)
    template = template.change("data", auxiliary=auxiliary)
    models = [member("other", events=("view",)), member("m", events=events)]
    counter = CostCounter(models)
    for model in models:
        assert counter.count(template, model) == card_cost(template, model, small_log)


def test_a_network_that_differs_in_training_alone_is_not_counted_again(
    small_template, member, monkeypatch
):
    counted = []
    count = serving_budget.count_flops
    monkeypatch.setattr(
        serving_budget, "count_flops", lambda *given: counted.append(given) or count(*given)
    )
    models = [member("a"), member("b", events=("like",))]
    counter = CostCounter(models)
    for rate in (0.1, 0.2):
        for model in models:
            counter.count(small_template.change("training", dense_rate=rate), model)
    assert len(counted) == 1


@pytest.mark.parametrize("technique", catalogue.values(), ids=lambda technique: technique.name)
def test_what_is_counted_once_costs_what_it_would_counted_alone(technique, small_template, member):
    """Of θ that differ in what changes no network, and in what changes no product."""
    base = small_template
    if not technique.applies_to(base):
        base = next(known for known in templates.values() if technique.applies_to(known))
    model = member("m", features=FEATURES)
    shared = CostCounter([model])
    for theta in Encoding(technique.space).sobol(3, 0) if technique.space else [{}]:
        changed = technique.apply(base, theta)
        assert shared.count(changed, model) == CostCounter([model]).count(changed, model)


@pytest.mark.parametrize(
    ("name", "fixed", "varied", "networks", "products"),
    [
        ("frequency_gated_ids", {}, {"prior_count": (2.0, 3.0)}, 1, 1),
        ("past_rates", {"count": 1}, {"prior_count": (2.0, 3.0)}, 1, 1),
        ("auxiliary_events", {"count": 1}, {"weight": (0.1, 0.2)}, 1, 1),
        ("crossed_ids", {"count": 1}, {"num_ids": (2000, 3000)}, 2, 1),
        ("multi_hash", {"hashes": 2}, {"buckets": (128, 256)}, 2, 1),
        ("past_rates", {"prior_count": 2.0}, {"count": (1, 2)}, 2, 2),
    ],
)
def test_what_theta_does_not_change_is_counted_once(
    name, fixed, varied, networks, products, small_template, member, monkeypatch
):
    built, computed = [], []
    build, count = serving_budget.build, serving_budget.count_flops
    monkeypatch.setattr(
        serving_budget, "build", lambda *given: built.append(given) or build(*given)
    )
    monkeypatch.setattr(
        serving_budget, "count_flops", lambda *given: computed.append(given) or count(*given)
    )
    model = member("m", features=FEATURES)
    counter = CostCounter([model])
    ((place, values),) = varied.items()
    for value in values:
        changed = catalogue[name].apply(small_template, {**fixed, place: value})
        assert isinstance(counter.count(changed, model), NetworkCost)
    assert (len(built), len(computed)) == (networks, products)


def test_growth_weighs_flops_by_traffic_and_sums_bytes(small_template, wide, member, small_log):
    models = [member("a", weight=3.0), member("b", features=("user",), weight=1.0)]
    budget = ServingBudget(models, of_all(models, small_template), 5.0)
    before = [card_cost(small_template, model, small_log) for model in models]
    after = [card_cost(wide, models[0], small_log), before[1]]
    growth = budget.growth({"a": wide})
    flops = [3 * a.flops + b.flops for a, b in (after, before)]
    assert growth.flops == pytest.approx(100 * (flops[0] / flops[1] - 1))
    sizes = [sum(cost.bytes for cost in costs) for costs in (after, before)]
    assert growth.bytes == pytest.approx(100 * (sizes[0] / sizes[1] - 1))
    assert budget.growth({}).largest == 0


def test_the_fleet_may_grow_by_its_capacity_and_no_more(small_template, wide, member):
    models = [member("a"), member("b")]
    today = of_all(models, small_template)
    growth = ServingBudget(models, today, 0.0).growth({"a": wide})
    for capacity in (growth.largest, "free"):
        assert ServingBudget(models, today, capacity).refusal({"a": wide}) is None
    refusal = ServingBudget(models, today, growth.largest / 2).refusal({"a": wide})
    assert refusal == f"the fleet's {growth.excess(growth.largest / 2)}"
    assert ServingBudget(models, today, 0.0).refusal({}) is None


def test_a_model_above_its_own_limit_is_refused_unless_capacity_is_free(
    small_template, wide, member, small_log
):
    fits = card_cost(small_template, member("x"), small_log)
    models = [member("tight", flops=fits.flops), member("never", flops=1), member("loose")]
    today = of_all(models, small_template)
    assert ServingBudget(models, today, "free").refusal(of_all(models, wide)) is None
    budget = ServingBudget(models, today, 1e6)
    refusal = budget.refusal(of_all(models, wide))
    assert refusal is not None
    assert refusal.startswith("model 'tight': FLOPs ")
    assert budget.refusal({"loose": wide}) is None
    # What cannot be served today is not held against a change.
    assert budget.refusal({"never": wide}) is None


def test_a_model_without_a_network_costs_what_it_does_today(
    small_template, wide, member, monkeypatch
):
    count = serving_budget.count_flops

    def counted(template, model, schema):
        if template == wide:
            raise InputError("there is nothing to read")
        return count(template, model, schema)

    monkeypatch.setattr(serving_budget, "count_flops", counted)
    models = [member("a")]
    budget = ServingBudget(models, of_all(models, small_template), 0.0)
    assert budget.growth({"a": wide}).largest == 0
    assert budget.refusal({"a": wide}) is None
