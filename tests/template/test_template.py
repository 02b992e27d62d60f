import pytest

from smt.errors import InputError
from smt.template import Template
from smt.template.template import Cross, Dot, PositionWeighting, ResidualMLP, WarmupCosine

CHANGED = (
    Template(name="t")
    .change(
        "architecture",
        interactions=(Dot(), Cross(layers=2, rank=8)),
        mlp=ResidualMLP(width=32, depth=2),
    )
    .change(
        "features",
        position_weighting=PositionWeighting(max_positions=8, half_life=3.5),
        frequency_gate=2.0,
    )
    .change("data", label_smoothing=0.01, train_rows=100)
    .change("training", schedule=WarmupCosine(warmup=0.1, peak=2.0, final=0.05), workers=2)
    .change("serving", enforce_flops_limit=False)
)


def test_a_template_of_every_setting_round_trips_through_yaml(tmp_path):
    CHANGED.dump(tmp_path / "t.yaml")
    again = Template.load(tmp_path / "t.yaml")
    assert again == CHANGED
    assert again.digest() == CHANGED.digest()


def test_change_replaces_some_values_of_one_part_and_leaves_the_template_alone():
    before = Template(name="t")
    after = before.change("training", batch_size=64)
    assert after.training.batch_size == 64
    assert after.training.dense_rate == before.training.dense_rate
    assert before == Template(name="t")
    assert after.model_copy(update={"training": before.training}) == before


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("training", {"batch_size": 0}, r"'training\.batch_size'"),
        ("training", {"bach_size": 1}, r"unknown key 'training\.bach_size'.*'batch_size'"),
        ("data", {"label_smoothing": 1.5}, r"'data\.label_smoothing'"),
        ("architecture", {"interactions": ()}, r"'architecture\.interactions'"),
        ("features", {"frequency_gate": 0.0}, r"'features\.frequency_gate'"),
        ("trainning", {"batch_size": 1}, "unknown key 'trainning'; did you mean 'training'"),
    ],
)
def test_an_impossible_change_is_refused_with_template_part_and_key(part, values, message):
    with pytest.raises(InputError, match=f"template 't', part '{part}': {message}"):
        Template(name="t").change(part, **values)
