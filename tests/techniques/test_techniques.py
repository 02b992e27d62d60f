import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.data import read_batches
from smt.errors import InputError
from smt.layers.initialize import initialize
from smt.techniques import catalogue, find_technique
from smt.template import Choice, Float, Template, build
from smt.training import LOCAL
from smt.training.parallel import parallelize
from smt.training.schedule import rate_factor

NAMES = (
    "dcn_v2",
    "frequency_gated_ids",
    "label_smoothing",
    "layer_norm_residual_mlp",
    "lr_warmup_cosine",
    "position_weighted_pooling",
)


def point_of(domain):
    if isinstance(domain, Choice):
        return st.sampled_from(domain.values)
    if isinstance(domain, Float):
        return st.floats(domain.low, domain.high)
    return st.integers(domain.low, domain.high)


@st.composite
def techniques_and_points(draw):
    technique = catalogue[draw(st.sampled_from(NAMES))]
    return technique, {name: draw(point_of(domain)) for name, domain in technique.space.items()}


def test_the_catalogue_holds_the_six_under_their_names():
    assert tuple(sorted(catalogue)) == NAMES
    assert all(technique.name == name for name, technique in catalogue.items())
    assert find_technique("dcn_v2") is catalogue["dcn_v2"]


@settings(max_examples=30, deadline=None)
@given(case=techniques_and_points())
def test_any_point_makes_a_template_that_round_trips_builds_and_takes_a_step(
    case, small_template, small_model, small_log, tmp_path_factory
):
    technique, theta = case
    template = technique.apply(small_template, theta)
    assert template != small_template
    changed = {
        part
        for part in ("architecture", "features", "data", "training", "serving")
        if getattr(template, part) != getattr(small_template, part)
    }
    assert changed == {technique.part}
    file = tmp_path_factory.mktemp("t") / "t.yaml"
    template.dump(file)
    assert Template.load(file) == template
    network = build(template, small_model, small_log.schema)
    initialize(network, 0)
    network, optimizers = parallelize(network.train(), template.training, LOCAL)
    for optimizer, rate in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * rate_factor(template.training.schedule, 0, 10)
    batch = next(
        read_batches(
            small_log.train,
            small_log.schema,
            features=small_model.features,
            events=("click",),
            batch_size=32,
        )
    )
    before = network.head.weight.detach().clone()
    network(batch).square().mean().backward()
    for optimizer, _ in optimizers:
        optimizer.step()
    with torch.no_grad():
        assert torch.isfinite(network(batch)).all()
    assert not torch.equal(before, network.head.weight)


@pytest.mark.parametrize("name", NAMES)
def test_each_bound_is_enforced_by_name_and_domain(name, small_template):
    technique = catalogue[name]
    inside = {
        key: domain.values[0] if isinstance(domain, Choice) else domain.low
        for key, domain in technique.space.items()
    }
    technique.apply(small_template, inside)
    for key, domain in technique.space.items():
        outside = "nothing" if isinstance(domain, Choice) else domain.high * 2
        with pytest.raises(InputError) as caught:
            technique.apply(small_template, {**inside, key: outside})
        assert f"technique '{name}': {key} = " in str(caught.value)
        assert str(domain) in str(caught.value)
    with pytest.raises(InputError, match=f"technique '{name}': unknown hyperparameter 'x'"):
        technique.apply(small_template, {**inside, "x": 1})


def test_a_technique_of_the_users_own_file_is_found(tmp_path, small_template):
    file = tmp_path / "mine.py"
    file.write_text(
        "from smt.template import Float, Technique\n"
        "def change(template, *, rate):\n"
        "    return template.change('training', dense_rate=rate)\n"
        "slow = Technique('slow', 'training', {'rate': Float(0.1, 1.0)}, change, 'mine')\n"
        "other = 3\n"
    )
    technique = find_technique(f"{file}:slow")
    assert technique.apply(small_template, {"rate": 0.5}).training.dense_rate == 0.5
    with pytest.raises(InputError, match=r"defines no technique 'slw'; did you mean 'slow'\?"):
        find_technique(f"{file}:slw")
    with pytest.raises(InputError, match="defines no technique 'other'"):
        find_technique(f"{file}:other")
    with pytest.raises(InputError, match=r"gone\.py: no such file"):
        find_technique(f"{tmp_path}/gone.py:slow")
    with pytest.raises(InputError, match=r"unknown technique 'dcn'; did you mean 'dcn_v2'"):
        find_technique("dcn")
