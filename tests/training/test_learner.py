"""One step after another: the loss, rates, clipping and averages."""

import numpy as np
import pytest
import torch
from torch import nn

from smt.template.data import Auxiliary
from smt.template.optimizers import AdamWSpec, MuonSpec, SGDSpec
from smt.template.training import WarmupCosine
from smt.training import train


def steps(course, count):
    """Take steps; returns the dense parameters after each."""
    taken = []
    for number, example in zip(range(count), course.examples, strict=False):
        course.learner.step(number, *example)
        taken.append([each.detach().clone() for each in course.learner.placed.dense.values()])
    return taken


def literal_loss(outputs, labels, weights, *, own, share):
    """The own events' mean cross entropy a weight, and `share` times that of the others."""
    outputs, labels, weights = (each.double().tolist() for each in (outputs, labels, weights))
    total = sum(np.mean(row[:own]) for row in weights)
    loss = 0.0
    for out, happened, weigh in zip(outputs, labels, weights, strict=True):
        events = len(happened)
        entropies = [
            w * (np.logaddexp(0, z) - y * z)
            for z, y, w in zip(out[:events], happened, weigh, strict=True)
        ]
        loss += np.mean(entropies[:own])
        if events > own:
            loss += share * np.mean(entropies[own:])
        if len(out) > events:
            loss += share * out[-1] * weigh[0]
    return loss / total


AUXILIARIES = {
    "none": None,
    "events": Auxiliary(source="events", count=2, weight=0.3),
    "numeric": Auxiliary(source="numeric", count=1, weight=0.3),
}


@pytest.mark.parametrize("name", AUXILIARIES)
@pytest.mark.parametrize("weigh", [False, True])
def test_the_gradient_is_that_of_the_literal_loss(name, weigh, start, small_template, lean_model):
    """With plain gradient descent the bias moves by minus the rate times its derivative."""
    auxiliary = AUXILIARIES[name]
    template = small_template.change("data", auxiliary=auxiliary).change(
        "training", optimizer=SGDSpec(momentum=0.0), dense_rate=0.1
    )
    model = lean_model.model_copy(update={"events": ("view", "click")})
    course = start(template, model=model)
    batch, labels, weights = next(course.examples)
    if weigh:
        weights = weights * torch.rand(weights.shape, generator=torch.Generator().manual_seed(0))
    network = course.network
    # As running statistics count a batch that they see.
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        outputs = network(batch)
    network.load_state_dict(kept)
    before = network.bias.detach().clone()
    logits = course.learner.step(0, batch, labels, weights)
    assert torch.equal(logits, outputs[:, : labels.shape[1]])
    options = {"own": 2, "share": 0.3}
    for place in range(labels.shape[1]):
        nudge = torch.zeros_like(outputs)
        nudge[:, place] = 1e-4
        ends = [
            literal_loss(outputs.double() + sign * nudge, labels, weights, **options)
            for sign in (1, -1)
        ]
        derivative = (ends[0] - ends[1]) / 2e-4
        moved = (network.bias - before)[place].item()
        assert moved == pytest.approx(-0.1 * derivative, rel=2e-3, abs=1e-6)


def test_numeric_targets_errors_reach_the_loss(start, small_template, small_log):
    auxiliary = Auxiliary(source="numeric", count=1, weight=0.7)
    template = small_template.change("data", auxiliary=auxiliary).change(
        "training", optimizer=SGDSpec(momentum=0.0), dense_rate=0.1
    )
    course = start(template)
    batch, labels, weights = next(course.examples)
    targets = course.network.targets
    with torch.no_grad():
        targets.predict.weight.zero_()
    course.learner.step(0, batch, labels, weights)
    ages = small_log.train["user_age"].to_numpy()[: len(batch)]
    there = ~np.isnan(ages)
    filled = np.where(there, ages, 0.0)
    standard = (filled - filled.mean()) / filled.std()
    # d/db of the mean of (b - y)^2 at b = 0, over all rows; missing targets teach nothing.
    derivative = 0.7 * np.where(there, -2 * standard, 0.0).mean()
    assert targets.predict.bias.item() == pytest.approx(-0.1 * derivative, rel=1e-3)


def test_a_batch_without_weight_teaches_nothing(start, small_template):
    course = start(small_template.change("training", optimizer=SGDSpec()))
    batch, labels, weights = next(course.examples)
    before = {key: value.clone() for key, value in course.network.named_parameters()}
    course.learner.step(0, batch, labels, weights * 0)
    for key, value in course.network.named_parameters():
        assert torch.equal(before[key], value), key


def test_an_average_is_of_the_dense_parameters_after_each_step(start, small_template):
    template = small_template.change("training", ema_decay=0.6)
    course = start(template)
    average = [each.detach().clone() for each in course.learner.placed.dense.values()]
    for number, values in enumerate(steps(course, 4)):
        kept = min(0.6, (1 + number) / (10 + number))
        average = [kept * a + (1 - kept) * v for a, v in zip(average, values, strict=True)]
    last = [each.detach().clone() for each in course.learner.placed.dense.values()]
    network = course.learner.finish()
    assert not network.training
    assert sum(len(each) for each in course.learner.placed.dense.values()) > 0
    for found, expected in zip(course.learner.placed.dense.values(), average, strict=True):
        torch.testing.assert_close(found.detach(), expected)
    assert any(not torch.equal(a, b) for a, b in zip(last, average, strict=True))


def test_an_average_changes_predictions_and_not_what_is_learnt(
    start, small_template, lean_model, small_log
):
    short = small_template.change("data", train_rows=800)
    averaged = short.change("training", ema_decay=0.9)
    assert not np.array_equal(
        train(short, lean_model, small_log).losses, train(averaged, lean_model, small_log).losses
    )
    plain, kept = (start(each) for each in (short, averaged))
    for ours, theirs in zip(steps(plain, 3), steps(kept, 3), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_clipping_bounds_the_joint_step_of_the_dense_parameters(start, small_template):
    def moved(clip_norm):
        rate = {"optimizer": SGDSpec(momentum=0.0), "dense_rate": 1.0, "clip_norm": clip_norm}
        course = start(small_template.change("training", **rate))
        before = [each.detach().clone() for each in course.learner.placed.dense.values()]
        (after,) = steps(course, 1)
        return [b - a for a, b in zip(before, after, strict=True)]

    free, loose, tight = (moved(norm) for norm in (None, 1e6, 1e-3))
    norm = torch.cat([each.flatten() for each in free]).norm()
    assert norm > 2e-3
    for a, b, c in zip(free, loose, tight, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(c, a * (1e-3 / norm), rtol=1e-3, atol=1e-7)


def test_a_schedule_scales_the_rates_of_all_parts(start, small_template):
    def course(**values):
        return start(small_template.change("training", **values))

    double = WarmupCosine(warmup=0.0, peak=2.0, final=1.0)
    for optimizer, rates in ((SGDSpec(), {}), (MuonSpec(), {"adam_rate": 0.004})):
        faster = optimizer.model_copy(update=rates)
        scheduled = course(schedule=double, optimizer=optimizer)
        quick = course(dense_rate=0.004, table_rate=0.1, optimizer=faster)
        for each in (scheduled, quick):
            steps(each, 2)
        values = [each.network.state_dict() for each in (scheduled, quick)]
        assert all(torch.equal(values[0][key], values[1][key]) for key in values[0])


def test_muon_and_adam_divide_the_dense_parameters(start, small_template):
    course = start(small_template.change("training", optimizer=MuonSpec()))
    muon, adam, *tables = course.learner.placed.optimizers
    groups = [{id(p) for g in each.param_groups for p in g["params"]} for each in (muon, adam)]
    assert not groups[0] & groups[1]
    assert groups[0] | groups[1] == {id(each) for each in course.learner.placed.dense.values()}
    assert id(course.network.logits.weight) in groups[1]
    assert id(course.network.tower.over[0].weight) in groups[0]
    assert len(tables) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"precision": "bf16"},
        {"optimizer": MuonSpec()},
        {"optimizer": AdamWSpec(weight_decay=0.5)},
        {"clip_norm": 0.05, "ema_decay": 0.9, "precision": "bf16", "optimizer": MuonSpec()},
    ],
    ids=["bf16", "muon", "adamw", "all"],
)
def test_ways_to_train_learn_and_differ_from_the_plain_one(
    values, baseline, small_template, lean_model, small_log
):
    found = train(small_template.change("training", **values), lean_model, small_log)
    assert not np.array_equal(found.losses, baseline.losses)
    assert found.ne == pytest.approx(baseline.ne, abs=0.05)


@pytest.fixture(scope="module")
def baseline(small_template, lean_model, small_log):
    return train(small_template, lean_model, small_log)


def test_bf16_keeps_parameters_and_logits_in_full_precision(start, small_template):
    course = start(small_template.change("training", precision="bf16"))
    example = next(course.examples)
    dtypes = []
    linear = course.network.tower.over[0]
    assert isinstance(linear, nn.Linear)
    linear.register_forward_hook(lambda *call: dtypes.append(call[-1].dtype))
    assert course.learner.step(0, *example).dtype == torch.float32
    assert dtypes == [torch.bfloat16]
    assert {each.dtype for each in course.network.parameters()} == {torch.float32}


def test_all_of_a_network_evaluates_while_it_is_judged_and_trains_on_after(start, small_template):
    learner = start(small_template).learner
    modes = [module.training for module in learner.network.modules()]
    assert all(modes)
    with learner.judged() as network:
        assert not any(module.training for module in network.modules())
    assert [module.training for module in learner.network.modules()] == modes
