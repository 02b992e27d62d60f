import pytest

from smt.errors import InputError
from smt.template import serving_budget
from smt.template.card import model_card
from smt.template.flops import count_flops
from smt.template.serving_budget import ServingBudget
from smt.template_iteration import fleet_check
from smt.template_iteration.fleet_check import FleetCheck


@pytest.fixture(autouse=True)
def schemas(monkeypatch, small_log):
    for module in (serving_budget, fleet_check):
        monkeypatch.setattr(module, "log_schema", lambda _: small_log.schema)


def test_a_model_above_a_flops_limit_is_named_with_what_it_needs(
    small_template, wide, member, small_log
):
    fits, limit = (count_flops(t, member("x"), small_log.schema) for t in (small_template, wide))
    assert fits < limit
    models = [
        member("free"),
        member("just", flops=limit),
        member("over", flops=limit - 1),
        member("tight", flops=fits),
    ]
    over, tight = FleetCheck(small_template, models).misfits(wide)
    assert (over.model, tight.model) == ("over", "tight")
    assert over.reason == (f"it needs {limit:,} FLOPs an example, its limit is {limit - 1:,}")
    assert tight.excess == pytest.approx(100 * (limit / fits - 1))
    assert FleetCheck(small_template, models).misfits(small_template) == ()


def test_models_that_read_other_features_are_counted_apart(
    small_template, wide, member, small_log, small_model
):
    every = small_model.features
    needed = count_flops(wide, member("x", features=every), small_log.schema)
    models = [
        member("small", flops=needed - 1),
        member("large", features=every, flops=needed - 1),
    ]
    (found,) = FleetCheck(small_template, models).misfits(wide)
    assert found.model == "large"


def test_what_the_parent_cannot_serve_is_not_held_against_the_version(small_template, wide, member):
    models = [member("never", flops=1)]
    assert FleetCheck(small_template, models).misfits(wide) == ()
    assert [each.model for each in FleetCheck(wide, models).misfits(wide)] == []


def test_flops_count_only_where_the_template_enforces_their_limit(
    small_template, wide, member, small_log
):
    limit = count_flops(small_template, member("x"), small_log.schema)
    check = FleetCheck(small_template, [member("m", flops=limit)])
    assert len(check.misfits(wide)) == 1
    assert check.misfits(wide.change("serving", enforce_flops_limit=False)) == ()


def test_bytes_are_those_of_the_tables_precision(small_template, wide, member, small_log):
    small, packed = (t.change("serving", table_precision="int8") for t in (small_template, wide))
    card = model_card(packed, member("x"), small_log.schema)
    needed = card.dense_bytes + card.table_bytes
    check = FleetCheck(small, [member("m", bytes=needed)])
    assert check.misfits(packed) == ()
    (found,) = check.misfits(wide)
    assert found.reason.endswith(f" bytes, its limit is {needed:,}")


def test_the_templates_own_limits_hold_too(small_template, wide, member, small_log):
    limit = count_flops(small_template, member("x"), small_log.schema)
    check = FleetCheck(small_template, [member("m")])
    (found,) = check.misfits(wide.change("serving", limits={"flops": limit}))
    assert found.model == "m"


def test_latency_is_measured_only_of_the_models_asked_for(small_template, member, monkeypatch):
    measured = []

    class Cost:
        latency_ms = 7.0

    def measure(network, template):
        measured.append(template)
        Cost.latency_ms = 1.0 if len(measured) == 1 else 7.0
        return Cost

    monkeypatch.setattr(fleet_check, "measure_serving", measure)
    models = [member("timed", latency_ms=5.0), member("other", latency_ms=5.0), member("free")]
    check = FleetCheck(small_template, models, timed={"timed", "free"})
    (found,) = check.misfits(small_template)
    assert (found.model, found.excess) == ("timed", pytest.approx(40))
    assert found.reason == "it needs 7 ms of p99 latency, its limit is 5"
    assert len(measured) == 2


def test_latency_is_measured_on_a_network_that_was_never_trained(small_template, member):
    check = FleetCheck(small_template, [member("m", latency_ms=1e6)], timed={"m"})
    tight = small_template.change("serving", limits={"latency_ms": 1e-6})
    (found,) = check.misfits(tight)
    assert found.reason.endswith("ms of p99 latency, its limit is 1e-06")


def test_a_fleet_that_would_cost_more_than_its_capacity_is_a_misfit(small_template, wide, member):
    models, others = [member("a"), member("b")], [member("c")]
    fleet = [*models, *others]
    today = {model.name: small_template for model in fleet}

    def check(capacity):
        budget = ServingBudget(fleet, today, capacity)
        return FleetCheck(small_template, models, budget=budget)

    growth = check("free").growth(wide)
    assert growth == ServingBudget(fleet, today, "free").growth({"a": wide, "b": wide})
    assert check(growth.largest).misfits(wide) == ()
    assert check("free").misfits(wide) == ()
    (found,) = check(5.0).misfits(wide)
    assert (found.model, found.named) == (None, "the whole fleet")
    assert found.reason == f"its {growth.excess(5.0)}"
    assert found.excess == pytest.approx(100 * ((1 + growth.largest / 100) / 1.05 - 1))
    # Versions that are kept already count beside it.
    (more,) = check(growth.largest).misfits(wide, beside={"c": wide})
    assert more.model is None
    assert FleetCheck(small_template, models).growth(wide) is None


def test_a_model_without_a_network_cannot_be_served(small_template, wide, member, monkeypatch):
    def counted(template, model, schema):
        if template == wide and "item" not in model.features:
            raise InputError("there is nothing to read")
        return count_flops(template, model, schema)

    monkeypatch.setattr(serving_budget, "count_flops", counted)
    models = [member("a"), member("b", features=("user",))]
    (found,) = FleetCheck(small_template, models).misfits(wide)
    assert (found.model, found.excess) == ("b", None)
    assert found.reason == "its network cannot be built: there is nothing to read"
