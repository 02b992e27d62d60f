"""Models that are compared with a network of an earlier launch, as it is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from smt.data.reading import IdCoding, Reading
from smt.data.schema import Schema
from smt.errors import InputError
from smt.fleet.incumbent import Checkpoint
from smt.model_iteration.incumbent import check_incumbents, incumbent_files, read_incumbent
from smt.model_iteration.instance import Job
from smt.model_iteration.launched_network import LaunchedNetwork
from smt.model_iteration.make import make
from smt.template import Int, build
from smt.training import normalized_entropy, paired_delta, train
from smt.training.checkpoint import load_checkpoint
from smt.training.course import device_of
from smt.training.judged_rows import judged_rows
from smt.training.predict import judge, predict
from smt.training.windows import model_windows


def job_of(template, model, incumbent=None):
    return Job(
        template=template,
        version=2,
        baseline=None,
        incumbent=incumbent,
        model=model.model_copy(update={"incumbent": incumbent}),
        seed=1,
        log_digest="log",
    )


def launched(template, model, log, folder):
    """What a launch found of a model, whose files are in the folder then."""
    made = make(job_of(template, model), log)
    for name, content in made.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return made.evidence


def compared(template, model, log, folder):
    job = job_of(template, model, Checkpoint(checkpoint=str(folder)))
    check_incumbents([(job.model, job.incumbent)], {job.log: log})
    return make(job, log, outside=read_incumbent(job, log)).evidence


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("today")


@pytest.fixture(scope="module")
def today(small_template, lean_model, small_log, folder):
    return launched(small_template, lean_model, small_log, folder)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("data", {"negative_rate": 0.5}),
        ("serving", {"table_precision": "int8"}),
        ("training", {"ema_decay": 0.9}),
    ],
    ids=["negatives left out", "tables in int8", "averaged"],
)
def test_a_network_is_judged_as_the_launch_that_made_it_judged_it(
    part, change, small_template, lean_model, small_log, tmp_path
):
    """Of frozen rows: the same rows, the same weights, and the same loss."""
    before = launched(small_template.change(part, **change), lean_model, small_log, tmp_path)
    found = compared(small_template, lean_model, small_log, tmp_path)
    assert found.finding == "could ship"
    assert found.baseline_ne == before.ne
    assert found.delta.value == pytest.approx(100 * (1 - found.ne / before.ne), abs=1e-4)
    assert found.baseline_cost.flops == before.cost.flops
    assert found.baseline_cost.bytes == before.cost.bytes
    assert found.reasons == ()


def test_the_same_template_seed_and_rows_change_nothing(
    today, folder, small_template, lean_model, small_log
):
    found = compared(small_template, lean_model, small_log, folder)
    assert (found.delta.value, found.delta.sem) == (0, 0)


def test_its_weights_stay_as_they_are_while_the_model_learns(
    today, folder, small_template, lean_model, small_log
):
    """Literally: the loaded network's probabilities of progressive rows, by the textbook's NE."""
    template = small_template.change("training", judge="progressive")
    found = compared(template, lean_model, small_log, folder)
    rows = judged_rows(template, lean_model, small_log)
    windows = model_windows(lean_model, rows.log)
    network = build(small_template, lean_model, small_log.schema).eval()
    load_checkpoint(network, folder / "checkpoint")
    predictions = predict(network, network, windows, 0.0, device_of())
    labels = windows.log.test["click"].to_numpy()
    rate = windows.log.train["click"].to_numpy().mean()
    literal = normalized_entropy(expit(predictions.logits[:, 0]), labels, base_rate=rate)
    assert found.baseline_ne == pytest.approx(literal, rel=1e-5)
    after = train(template, lean_model, small_log, seed=1)
    _, before = judge(predictions, windows.backgrounds(("click",)))
    assert (found.delta.value, found.delta.sem) == paired_delta(before, after.losses, after.groups)


def test_rows_that_it_may_have_learned_from_are_counted(
    today, folder, small_template, lean_model, small_log
):
    template = small_template.change("training", judge="progressive")
    found = compared(template, lean_model, small_log, folder)
    name = small_log.schema.timestamp
    judged = judged_rows(template, lean_model, small_log).log.test[name].to_numpy()
    until = int(small_log.train[name][-1].as_py())
    known = int((judged <= until).sum())
    assert 0 < known < len(judged)
    assert found.finding == "could ship"
    assert found.reasons == (
        f"its incumbent may have learned from {known:,} of the {len(judged):,} judged rows, those "
        f"until {np.datetime64(until, 'ms')}Z, which makes it look better than it is",
    )


def test_one_that_was_judged_while_it_learned_has_learned_from_all(
    small_template, lean_model, small_log, tmp_path
):
    launched(
        small_template.change("training", judge="progressive"), lean_model, small_log, tmp_path
    )
    record = LaunchedNetwork.load(tmp_path / "network.yaml")
    assert record.learned_until_ms == small_log.test[small_log.schema.timestamp][-1].as_py()


def test_a_network_of_hyperparameters_of_its_own_is_that_network(
    small_template, lean_model, small_log, tmp_path
):
    exposed = {"architecture.embedding_dim": Int(4, 32)}
    template = small_template.model_copy(update={"exposed": exposed})
    own = lean_model.model_copy(update={"hyperparameters": {"architecture.embedding_dim": 8}})
    before = launched(template, own, small_log, tmp_path)
    record = LaunchedNetwork.load(tmp_path / "network.yaml")
    assert record.template == template.change("architecture", embedding_dim=8)
    assert (record.features, record.events) == (lean_model.features, lean_model.events)
    assert record.misfit(lean_model, small_log) is None
    assert compared(small_template, lean_model, small_log, tmp_path).baseline_ne == before.ne


def test_one_that_does_not_fit_the_model_or_its_log_is_refused_with_the_reason(
    today, folder, lean_model, small_log
):
    record = LaunchedNetwork.load(folder / "network.yaml")
    other = lean_model.model_copy(update={"events": ("view", "click")})
    assert record.misfit(other, small_log) == "it predicts click, and the model view, click"
    fewer = lean_model.model_copy(update={"features": lean_model.features[1:]})
    said = "it reads 'user', which is none of the model's features"
    assert record.misfit(fewer, small_log) == said
    columns = small_log.schema.columns
    segment = columns["segment"].model_copy(update={"num_ids": 999})
    wider = replace(small_log, schema=Schema(columns={**columns, "segment": segment}))
    said = f"its column 'segment' has num_ids {columns['segment'].num_ids}, and the log's has 999"
    assert record.misfit(lean_model, wider) == said
    without = {name: kind for name, kind in columns.items() if name != "segment"}
    lost = replace(small_log, schema=Schema(columns=without))
    assert record.misfit(lean_model, lost) == "it reads 'segment', and the log has no such column"


def test_ids_that_are_other_things_now_are_refused(today, folder, lean_model, small_log):
    def read(coding):
        counts = {"num_ids": 200, "missing": (), "names": 9, "ids": 9, "sharing": 0}
        ids = {"item": IdCoding(coding=coding, missing_rows={}, **counts)}
        return replace(small_log, reading=Reading(ids=ids))

    record = LaunchedNetwork.load(folder / "network.yaml")
    assert record.misfit(lean_model, read("hash")) == (
        "ids of 'item' were coded otherwise: those of a log without raw values, and now hash"
    )
    known = record.model_copy(update={"reading": read("dictionary").reading})
    assert known.misfit(lean_model, read("dictionary")) is None
    again = replace(read("dictionary"), digest="another")
    assert "ids of 'item' are places in the dictionary of another log" in known.misfit(
        lean_model, again
    )


def test_a_folder_that_holds_no_launched_network_is_refused(
    today, folder, small_template, lean_model, small_log, tmp_path
):
    job = job_of(small_template, lean_model, Checkpoint(checkpoint=str(tmp_path)))
    with pytest.raises(InputError, match=r"of model 'click/all': .* has no network.yaml; the"):
        check_incumbents([(job.model, job.incumbent)], {job.log: small_log})
    (tmp_path / "network.yaml").write_bytes((folder / "network.yaml").read_bytes())
    with pytest.raises(InputError, match=r"the incumbent of model 'click/all': .*no checkpoint"):
        check_incumbents([(job.model, job.incumbent)], {job.log: small_log})


def test_weights_of_another_network_fail_the_model(
    today, folder, small_template, lean_model, small_log, tmp_path
):
    wide = small_template.change("architecture", embedding_dim=8)
    launched(wide, lean_model, small_log, tmp_path)
    (tmp_path / "network.yaml").write_bytes((folder / "network.yaml").read_bytes())
    found = compared(small_template, lean_model, small_log, tmp_path)
    assert (found.finding, found.delta.status, found.train_rows) == ("failed", "failed", None)
    assert f"{tmp_path}/checkpoint: is no checkpoint of this network" in found.reasons[0]


def test_its_record_and_weights_are_what_it_depends_on(today, folder):
    incumbent = Checkpoint(checkpoint=str(folder))
    assert incumbent_files(incumbent) == (f"{folder}/network.yaml", f"{folder}/checkpoint")
    assert incumbent_files(None) == ()
