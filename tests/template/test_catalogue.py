import pytest

from smt.errors import InputError
from smt.template import catalogue, find_template


def test_templates_are_named_as_in_the_catalogue():
    assert catalogue
    for name, template in catalogue.items():
        assert template.name == name
        assert find_template(name) is template


def test_a_yaml_file_is_a_template_too(tmp_path):
    template = catalogue["sparsenn_small"].change("training", batch_size=64)
    template.dump(tmp_path / "mine.yaml")
    assert find_template(str(tmp_path / "mine.yaml")) == template


def test_an_unknown_template_and_a_wrong_file_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"'sparsenn_smal'; did you mean 'sparsenn_small'\?"):
        find_template("sparsenn_smal")
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        find_template(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("name: x\ntrainig: {}\n")
    with pytest.raises(InputError, match=r"bad\.yaml: unknown key 'trainig'; did you mean"):
        find_template(str(tmp_path / "bad.yaml"))
