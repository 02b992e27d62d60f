import numpy as np
import pytest

from smt.data.time_order import mix
from smt.fleet import ServingLimits
from smt.layers.losses import entropy
from smt.model_iteration.instance import Job
from smt.model_iteration.make import REQUESTS, UNDECIDED, make
from smt.serving import load_exported, measure_in_turn
from smt.template import Float, build, count_flops
from smt.training import paired_delta, train
from smt.training.checkpoint import load_checkpoint
from smt.training.clusters import MISSING
from smt.training.shared_noise import BUCKETS, row_keys
from smt.training.windows import model_windows, read_groups


@pytest.fixture(scope="module")
def job(small_template, small_model):
    """Of a model against a template that learns more slowly."""
    return Job(
        template=small_template,
        version=7,
        baseline=small_template.change("training", dense_rate=1e-5),
        model=small_model,
        seed=1,
        log_digest="log",
    )


@pytest.fixture(scope="module")
def made(job, small_log):
    return make(job, small_log)


def test_its_numbers_are_those_of_two_plain_trainings(made, job, small_log):
    after, before = (
        train(each, job.model, small_log, seed=1) for each in (job.template, job.baseline)
    )
    groups = read_groups(job.model, small_log)
    found = made.evidence
    assert (found.finding, found.reasons) == ("could ship", ())
    assert (found.ne, found.baseline_ne) == (after.ne, before.ne)
    assert (found.delta.value, found.delta.sem) == paired_delta(before.losses, after.losses, groups)
    assert found.metrics == after.metrics
    assert (found.train_rows, found.judged_rows) == (after.train_rows, len(after.losses))
    assert found.cost.flops == count_flops(job.template, job.model, small_log.schema)
    assert found.seconds > 0


def test_constant_ne_is_that_of_the_training_rate(made, job, small_log):
    windows = model_windows(job.model, small_log)
    expected = []
    for event in job.model.events:
        rate = windows.base_rates[event]
        labels = windows.log.test[event].to_numpy()
        losses = -(labels * np.log(rate) + (1 - labels) * np.log1p(-rate))
        expected.append(losses.mean() / entropy(rate))
    assert made.evidence.constant_ne == pytest.approx(np.mean(expected))


def test_a_constant_knows_no_conversion_that_comes_after_training(job, small_log):
    """With the final rate it would be better than any network that learns from what was known."""
    model = job.model.model_copy(update={"events": ("conversion",)})
    found = make(job.model_copy(update={"model": model, "baseline": None}), small_log).evidence
    windows = model_windows(model, small_log)
    known, final = windows.known_rate("conversion"), windows.base_rates["conversion"]
    assert known < final
    labels = windows.log.test["conversion"].to_numpy()
    losses = -(labels * np.log(known) + (1 - labels) * np.log1p(-known))
    assert found.constant_ne == pytest.approx(losses.mean() / entropy(final))


def test_its_files_are_a_card_a_checkpoint_and_what_serves(made, job, small_log, tmp_path):
    for name, content in made.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert "version 7" in (tmp_path / "card.md").read_text()
    network = build(job.template, job.model, small_log.schema)
    load_checkpoint(network, tmp_path / "checkpoint")
    assert load_exported(tmp_path / UNDECIDED).inputs


def test_one_that_falls_is_for_the_fleet_to_decide(job, small_log):
    """Its programs are where nobody serves from."""
    swapped = job.model_copy(update={"template": job.baseline, "baseline": job.template})
    made = make(swapped, small_log)
    assert (made.evidence.finding, made.evidence.reasons) == ("could ship", ())
    assert made.evidence.delta.value < -0.05
    folders = {name.partition("/")[0] for name in made.files}
    assert folders == {"card.md", "checkpoint", "network.yaml", UNDECIDED}


def test_what_users_add_to_the_delta_is_summed_in_buckets(made, job, small_log):
    """Of the few rows without one, what their times do."""
    after, before = (
        train(each, job.model, small_log, seed=1) for each in (job.template, job.baseline)
    )
    groups = read_groups(job.model, small_log)
    times = small_log.test[small_log.schema.timestamp].to_numpy()
    kept = after.losses.sum() / before.losses.sum()
    literal = {}
    rows = zip(groups, times, before.losses, after.losses, strict=True)
    for user, time, was, is_now in rows:
        bucket = int(mix(np.array([user or time], np.uint64))[0]) % BUCKETS
        literal[bucket] = literal.get(bucket, 0.0) + 100 * (was * kept - is_now)
    expected = [literal.get(bucket, 0.0) / before.losses.sum() for bucket in range(BUCKETS)]
    assert made.evidence.bucket_shares == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_rows_without_an_id_are_in_buckets_by_their_times(job, small_log):
    """A surface's rows are where they are for all surfaces, whatever they follow there."""
    windows = model_windows(job.model, small_log)
    times = small_log.test[small_log.schema.timestamp].to_numpy()
    groups = read_groups(job.model, small_log)
    assert (groups == MISSING).any()
    assert (row_keys(windows, groups) == np.where(groups == MISSING, times, groups)).all()
    assert (row_keys(windows, groups + 1) == groups + 1).all()
    assert (row_keys(windows, None) == times).all()
    own = job.model.model_copy(update={"filter": {"surface": 2}})
    assert set(row_keys(model_windows(own, small_log), None)) <= set(times)


@pytest.mark.parametrize("limit", ["flops", "bytes"])
def test_a_network_over_a_limit_is_held_back_before_it_is_trained(limit, job, small_log):
    limited = job.model.model_copy(update={"limits": ServingLimits(**{limit: 100})})
    found = make(job.model_copy(update={"model": limited}), small_log).evidence
    assert found.finding == "held back"
    assert "exceed the model's limit 100; it was not trained" in found.reasons[0]
    assert found.ne is None


def test_a_network_above_its_latency_limit_is_held_back(job, small_log):
    limited = job.model.model_copy(update={"limits": ServingLimits(latency_ms=1e-6)})
    found = make(job.model_copy(update={"model": limited}), small_log).evidence
    assert found.finding == "held back"
    assert "p99 latency" in found.reasons[0]


def test_a_latency_that_breaks_a_limit_is_measured_again_for_longer(job, small_log, monkeypatch):
    """A slow moment of the machine holds no model back."""
    asked = []

    def slow_at_first(networks, **requests):
        asked.append(requests)
        latency_ms = 1e6 if len(asked) == 1 else 1.0
        costs = measure_in_turn(networks, requests=2, warmup=0)
        return tuple(cost.model_copy(update={"latency_ms": latency_ms}) for cost in costs)

    for name in ("measure_once", "measure_in_turn"):
        monkeypatch.setattr(f"smt.model_iteration.make.{name}", slow_at_first)
    limited = job.model.model_copy(update={"limits": ServingLimits(latency_ms=1e3)})
    found = make(job.model_copy(update={"model": limited}), small_log).evidence
    assert (found.finding, found.cost.latency_ms) == ("could ship", 1.0)
    assert asked == [{"requests": REQUESTS}, {}]


@pytest.fixture
def otherwise(job):
    """The job's template, which reads numeric features otherwise."""
    other = job.template.change("features", numeric={"kind": "standardised"})
    assert other.features.numeric != job.template.features.numeric
    return other


def test_a_baseline_that_would_be_the_same_network_is_not_trained(
    job, otherwise, small_log, monkeypatch
):
    model = job.model.model_copy(update={"features": ("user", "item", "item_tags")})
    before = train(otherwise, model, small_log, seed=1)
    monkeypatch.setattr("smt.model_iteration.compare.train", None)
    job = job.model_copy(update={"model": model, "baseline": otherwise})
    found = make(job, small_log).evidence
    assert (found.finding, found.reasons) == ("could ship", ())
    assert found.ne == found.baseline_ne == before.ne
    assert (found.delta.value, found.delta.sem) == (0.0, 0.0)
    assert not any(found.bucket_shares)
    assert found.baseline_cost == found.cost


def test_a_baseline_that_reads_a_models_numbers_otherwise_is_trained(job, otherwise, small_log):
    model = job.model.model_copy(update={"features": ("user", "item", "user_age")})
    before = train(otherwise, model, small_log, seed=1)
    job = job.model_copy(update={"model": model, "baseline": otherwise})
    found = make(job, small_log).evidence
    assert found.baseline_ne == before.ne != found.ne


def test_one_whose_program_is_not_its_network_fails_without_an_export(job, small_log, monkeypatch):
    def differs(*args, **kwargs):
        raise ValueError("programs differ from their network")

    monkeypatch.setattr("smt.serving.export.require_parity", differs)
    made = make(job, small_log)
    assert made.evidence.finding == "failed"
    assert made.evidence.reasons == ("ValueError: programs differ from their network",)
    assert not [name for name in made.files if name.startswith((UNDECIDED, "export"))]
    assert any(name.startswith("checkpoint") for name in made.files)


def test_one_that_diverges_fails_with_its_reason(job, small_log):
    wild = job.template.change("training", dense_rate=1e30, batch_size=64)
    found = make(job.model_copy(update={"template": wild}), small_log).evidence
    assert found.finding == "failed"
    assert found.reasons[0].startswith("DivergedError: the training loss is not finite")


def test_one_no_better_than_the_events_rate_fails(job, small_log):
    """Trained so fast that it predicts worse than a constant, but finite, numbers."""
    hasty = job.template.change("training", dense_rate=0.5, batch_size=64)
    found = make(job.model_copy(update={"template": hasty}), small_log).evidence
    assert found.finding == "failed"
    assert found.ne >= found.constant_ne
    assert f"is no better than {found.constant_ne:.5f}, of predicting the" in found.reasons[0]
    assert found.reasons == (found.delta.reason,)


def test_one_whose_baseline_fails_ships_and_says_so(job, small_log):
    wild = job.template.change("training", dense_rate=1e30, batch_size=64)
    found = make(job.model_copy(update={"baseline": wild}), small_log).evidence
    assert (found.finding, found.delta.status) == ("could ship", "failed")
    assert found.reasons == (found.delta.reason,)
    assert found.reasons[0].startswith("its baseline failed: DivergedError")


def test_a_baseline_has_the_models_own_values_only_where_it_exposes_them(job, small_log):
    exposed = {"training.dense_rate": Float(1e-6, 1e-1, log=True)}
    model = job.model.model_copy(update={"hyperparameters": {"training.dense_rate": 0.003}})
    exposing = job.template.model_copy(update={"exposed": exposed})
    own = job.model_copy(update={"template": exposing, "model": model})
    plain = make(own, small_log).evidence
    assert plain.baseline_ne == train(job.baseline, job.model, small_log, seed=1).ne
    both = own.model_copy(update={"baseline": exposing})
    assert make(both, small_log).evidence.delta.value == 0


def test_without_a_baseline_nothing_is_compared(job, small_log):
    found = make(job.model_copy(update={"baseline": None}), small_log).evidence
    assert (found.finding, found.baseline_cost) == ("could ship", None)
    assert found.delta.status == "not_evaluated"


def test_what_the_outcome_depends_on_is_in_the_key(job):
    other = job.model.model_copy(update={"inference_flops": 5})
    assert job.model_copy(update={"model": other}).key == job.key
    for change in ({"seed": 2}, {"baseline": None}, {"log_digest": "other"}):
        assert job.model_copy(update=change).key != job.key
    assert "files" not in job.to_dict()
    first, second = (job.model_copy(update={"files": {"t.parquet": each}}) for each in "12")
    assert len({job.key, first.key, second.key}) == 3


def test_what_it_costs_more_than_its_baseline_is_for_the_fleet_to_decide(job, small_log):
    wide = job.template.change("architecture", embedding_dim=32)
    found = make(job.model_copy(update={"template": wide}), small_log).evidence
    assert (found.finding, found.reasons, found.within_limits) == ("could ship", (), True)
    assert found.cost.bytes > 1.05 * found.baseline_cost.bytes
