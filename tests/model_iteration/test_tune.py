import pyarrow as pa
import pytest

from smt.data import Log
from smt.fleet import ServingLimits
from smt.model_iteration.instance import Job
from smt.model_iteration.make import make
from smt.model_iteration.tune import surely, tune
from smt.template import Choice, Float, build, count_flops
from smt.template.show import words
from smt.training import paired_delta, train
from smt.training.checkpoint import load_checkpoint

RATE, WIDTH = "training.dense_rate", "architecture.numeric_hidden"
HASTY = 0.5
NARROW, WIDE = 16, 4096


@pytest.fixture(scope="module")
def model(lean_model):
    """It sets one of the two hyperparameters."""
    return lean_model.model_copy(update={"hyperparameters": {WIDTH: NARROW}})


@pytest.fixture(scope="module")
def template(small_template):
    """Its default rate is far too large for anything to be learned."""
    hasty = small_template.change("training", dense_rate=HASTY)
    exposed = {RATE: Float(1e-4, 1, log=True), WIDTH: Choice([64, NARROW])}
    return hasty.model_copy(update={"exposed": exposed})


@pytest.fixture(scope="module")
def job(template, model):
    return Job(
        template=template,
        version=None,
        baseline=template,
        model=model,
        seed=1,
        log_digest="log",
        tune_evaluations=6,
    )


@pytest.fixture(scope="module")
def tuned(job, small_log):
    return tune(job, small_log)


@pytest.fixture(scope="module")
def made(job, small_log):
    return make(job, small_log)


def test_better_values_than_a_poor_default_are_found(tuned):
    model, tuning = tuned
    assert model.hyperparameters[RATE] < 0.05
    assert (tuning.choice, tuning.default) == ("chosen", {RATE: HASTY})
    assert (tuning.evaluations, tuning.failures) == (6, 0)
    assert surely(tuning.delta, tuning.sem, 3) > 0
    assert surely(tuning.confirmed_delta, tuning.confirmed_sem, 1) > 0


def test_its_change_is_that_of_two_plain_trainings_on_the_cut_log(tuned, job, small_log):
    model, tuning = tuned
    held = small_log.hold_out(0.2)
    before, after = (train(job.template, each, held, seed=1) for each in (job.model, model))
    assert (tuning.delta, tuning.sem) == paired_delta(before.losses, after.losses, before.groups)


def test_what_was_found_is_confirmed_on_earlier_rows_from_another_seed(tuned, job, small_log):
    model, tuning = tuned
    earlier = small_log.hold_out(0.2).hold_out(0.25)
    before, after = (train(job.template, each, earlier, seed=2) for each in (job.model, model))
    found = paired_delta(before.losses, after.losses, before.groups)
    assert (tuning.confirmed_delta, tuning.confirmed_sem) == found


def test_what_is_not_confirmed_is_not_chosen(job, small_log):
    """Of rows whose labels are all the same before the cut, nothing can be compared."""
    never = pa.array([0] * len(small_log.train), pa.int8())
    place = small_log.train.column_names.index("click")
    field = small_log.train.schema.field("click")
    labels = small_log.train["click"].to_numpy().copy()
    start = len(small_log.hold_out(0.2).hold_out(0.25).train)
    end = len(small_log.hold_out(0.2).train)
    labels[start:end] = never[start:end].to_numpy(zero_copy_only=False)
    train_rows = small_log.train.set_column(place, field, pa.array(labels))
    odd = Log(small_log.schema, train_rows, small_log.test, "odd")
    model, tuning = tune(job, odd)
    assert model is job.model
    assert surely(tuning.delta, tuning.sem, 3) > 0
    assert (tuning.choice, tuning.confirmed_delta) == ("kept", None)


def test_the_test_window_decides_nothing(tuned, job, small_log):
    rows = small_log.test
    poisoned = pa.table(
        {
            name: pa.array([float("nan")] * len(rows), kind)
            if pa.types.is_floating(kind := rows.schema.field(name).type)
            else rows[name]
            for name in rows.column_names
        }
    ).slice(0, 1)
    assert tune(job, Log(small_log.schema, small_log.train, poisoned, "other")) == tuned


def test_the_network_has_what_was_chosen_and_all_training_rows(made, tuned, job, small_log):
    model, tuning = tuned
    found = made.evidence
    final = train(job.template, model, small_log, seed=1)
    assert found.ne == final.ne
    assert found.train_rows == final.train_rows == len(small_log.train)
    assert (found.hyperparameters, found.tuning) == (model.hyperparameters, tuning)
    # The baseline is the same template, with its default.
    assert found.baseline_ne == train(job.template, job.model, small_log, seed=1).ne
    assert found.delta.value > 0


def test_its_card_and_its_checkpoint_are_of_what_was_chosen(made, job, small_log, tmp_path):
    for name, content in made.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    own = made.evidence.hyperparameters
    assert f"dense_rate {words(own[RATE])}" in (tmp_path / "card.md").read_text()
    model = job.model.model_copy(update={"hyperparameters": own})
    load_checkpoint(build(job.template, model, small_log.schema), tmp_path / "checkpoint")


def test_values_that_the_model_sets_stay(tuned, made):
    model, tuning = tuned
    assert WIDTH not in tuning.default
    assert model.hyperparameters[WIDTH] == made.evidence.hyperparameters[WIDTH] == NARROW


def test_a_good_default_is_kept(job, small_log):
    good = job.template.change("training", dense_rate=0.003)
    model, tuning = tune(job.model_copy(update={"template": good}), small_log)
    assert model is job.model
    assert tuning.choice == "kept"
    assert surely(tuning.delta, tuning.sem, 3) <= 0


@pytest.mark.parametrize("off", ["no budget", "all is set", "nothing exposed"])
def test_without_anything_to_search_a_model_is_as_it_was(off, job, small_log):
    change = {
        "no budget": {"tune_evaluations": 0},
        "all is set": {
            "model": job.model.model_copy(update={"hyperparameters": {RATE: 0.01, WIDTH: 64}})
        },
        "nothing exposed": {
            "template": job.template.model_copy(update={"exposed": {}}),
            "model": job.model.model_copy(update={"hyperparameters": {}}),
        },
    }
    plain = job.model_copy(update=change[off])
    model, tuning = tune(plain, small_log)
    assert model is plain.model
    assert tuning is None


def test_candidates_that_diverge_or_break_a_limit_are_not_chosen(job, small_log):
    flops = count_flops(job.template, job.model, small_log.schema) * 2
    limits = ServingLimits(flops=flops)
    limited = job.model.model_copy(update={"limits": limits, "hyperparameters": {}})
    for place, values in ((RATE, (HASTY, 1e30)), (WIDTH, (64, WIDE))):
        template = job.template.model_copy(update={"exposed": {place: Choice(values)}})
        change = {"template": template, "model": limited, "tune_evaluations": 5}
        model, tuning = tune(job.model_copy(update=change), small_log)
        assert model is limited
        assert (tuning.choice, tuning.evaluations, tuning.failures) == ("kept", 2, 1)
        assert (tuning.delta, tuning.sem) == (None, None)


def test_defaults_that_fail_on_the_validation_rows_are_kept_with_a_remark(job, small_log):
    exposed = {**job.template.exposed, RATE: Float(1e-4, 1e31, log=True)}
    wild = job.template.model_copy(update={"exposed": exposed})
    wild = wild.change("training", dense_rate=1e30)
    model, tuning = tune(job.model_copy(update={"template": wild}), small_log)
    assert model is job.model
    assert tuning.choice == "failed"
    assert "its defaults failed on the validation rows: DivergedError" in tuning.remark


def test_a_model_whose_defaults_break_a_limit_is_not_tuned(job, small_log):
    limited = job.model.model_copy(update={"limits": ServingLimits(flops=100)})
    found = make(job.model_copy(update={"model": limited}), small_log).evidence
    assert found.tuning.evaluations == 0
    assert "its defaults break a limit: FLOPs" in found.tuning.remark
    assert found.finding == "held back"


def test_an_event_that_never_happens_on_the_validation_rows_is_a_remark(job, small_log):
    cut = small_log.hold_out(0.2)
    none = pa.array([0] * len(cut.test), pa.int8())
    index = cut.test.column_names.index("click")
    field = cut.test.schema.field("click")
    train_rows = pa.concat_tables([cut.train, cut.test.set_column(index, field, none)])
    silent = Log(small_log.schema, train_rows.combine_chunks(), small_log.test, "silent")
    _, tuning = tune(job, silent)
    assert "event 'click' has one outcome alone after it" in tuning.remark


def test_a_seventh_candidate_must_be_better_than_a_first():
    assert surely(2.0, 1.0, 1) == pytest.approx(2 - 1.645, abs=1e-3)
    assert surely(2.0, 1.0, 1) > 0 > surely(2.0, 1.0, 7)


def test_the_budget_is_in_the_key_and_none_is_in_none(job):
    none = job.model_copy(update={"tune_evaluations": 0})
    assert "tune_evaluations" not in none.to_dict()
    keys = {job.model_copy(update={"tune_evaluations": budget}).key for budget in (0, 6, 8)}
    assert len(keys) == 3
