from pathlib import Path

import pytest

from smt.errors import InputError
from smt.template import catalogue, find_template
from smt.template.catalogue import names
from smt.template.versions import Version, load_version, write_version


def test_the_six_are_in_the_catalogue_in_the_papers_order():
    assert tuple(catalogue) == names
    assert len(catalogue) == 6
    for name, template in catalogue.items():
        assert template.name == name
        assert name == f"{template.paradigm}_{template.scale}"
        assert template == load_version(name)
        assert find_template(name) is template


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        catalogue["sparsenn_small"] = catalogue["sparsenn_large"]
    with pytest.raises(KeyError):
        catalogue["sparsenn_tiny"]
    assert "sparsenn_tiny" not in catalogue


def test_a_version_is_found_by_its_number():
    assert find_template("sparsenn_large@1") == load_version("sparsenn_large", 1)


def test_a_yaml_file_is_a_template_too(tmp_path):
    template = catalogue["sparsenn_small"].change("training", batch_size=64)
    template.dump(tmp_path / "mine.yaml")
    assert find_template(str(tmp_path / "mine.yaml")) == template


def test_a_versions_file_is_a_template_too(tmp_path):
    template = catalogue["sparsenn_small"].model_copy(update={"name": "mine"})
    version = Version(name="mine", number=1, written="2026-01-31", template=template)
    path = Path(write_version(version, tmp_path))
    assert find_template(str(path)) == template
    path.write_text(path.read_text().replace("batch_size: 512", "batch_size: 256"))
    with pytest.raises(InputError, match=r"v1\.yaml was changed after it was written"):
        find_template(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sparsenn_smal", r"'sparsenn_smal'; did you mean 'sparsenn_small'\?"),
        ("sparsenn_smal@1", r"'sparsenn_smal'; did you mean 'sparsenn_small'\?"),
        ("sparsenn_small@99", "'sparsenn_small' has no version 99; its versions: 1"),
        ("sparsenn_small@two", "'sparsenn_small@two': a version is a number"),
        ("sparsenn_small@", "'sparsenn_small@': a version is a number"),
    ],
)
def test_an_unknown_template_or_version_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        find_template(name)


def test_a_wrong_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        find_template(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("name: x\ntrainig: {}\n")
    with pytest.raises(InputError, match=r"bad\.yaml: unknown key 'trainig'; did you mean"):
        find_template(str(tmp_path / "bad.yaml"))
