import pytest

from smt.errors import InputError
from smt.model_iteration import launch_templates
from smt.template import history, load_version


def test_the_latest_version_is_compared_with_its_parent():
    latest = history("sparsenn_small")[-1]
    found = launch_templates("sparsenn_small")
    assert found.template == latest.template
    assert (found.name, found.version) == (f"sparsenn_small@{latest.number}", latest.number)
    assert found.baseline == load_version("sparsenn_small", latest.parent)
    assert found.baseline_name == f"sparsenn_small@{latest.parent}"


@pytest.mark.parametrize("asked", [("sparsenn_small@1", None), ("sparsenn_small", 1)])
def test_a_first_version_is_compared_with_nothing(asked):
    name, version = asked
    found = launch_templates(name, version=version)
    assert (found.name, found.version) == ("sparsenn_small@1", 1)
    assert found.baseline is None
    assert found.baseline_name is None


def test_the_baseline_is_what_is_asked_for_or_none():
    other = launch_templates("sparsenn_small", baseline="sparsenn_medium@1")
    assert other.baseline == load_version("sparsenn_medium", 1)
    assert launch_templates("sparsenn_small@2", baseline="none").baseline is None


def test_a_file_is_a_template_without_a_number(tmp_path):
    path = tmp_path / "mine.yaml"
    load_version("sparsenn_small", 1).dump(path)
    found = launch_templates(str(path), baseline="sparsenn_small@1")
    assert (found.name, found.version) == (str(path), None)
    assert found.template == found.baseline


def test_both_are_trained_on_as_many_rows():
    found = launch_templates("sparsenn_small@2", train_rows=500)
    assert found.template.data.train_rows == found.baseline.data.train_rows == 500


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "sparsenn_smal"}, "did you mean 'sparsenn_small'"),
        ({"name": "sparsenn_small", "version": 99}, "its versions: 1"),
        ({"name": "sparsenn_small@1", "version": 2}, "give one of them"),
        ({"name": "sparsenn_small", "baseline": "nothing"}, "unknown template 'nothing'"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        launch_templates(**arguments)
