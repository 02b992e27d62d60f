import json

import golden
import pytest
from golden import all_versions, golden_path, measure, write_missing

from smt.template import catalogue


@pytest.mark.parametrize("version", all_versions(), ids=lambda each: f"{each.name}-v{each.number}")
def test_a_version_builds_the_same_network_for_ever(version):
    path = golden_path(version)
    if version.notes.startswith("Provisional") and not path.exists():
        pytest.skip("its content is provisional")
    assert path.exists(), "run `python tests/template/golden.py` for the new version"
    pinned = json.loads(path.read_text())
    found = measure(version.template)
    assert found["parameters"] == pinned["parameters"]
    assert found["flops"] == pinned["flops"]
    assert found["loss"] == pytest.approx(pinned["loss"], rel=5e-6)


def test_every_pinned_network_still_has_its_version():
    known = {golden_path(version) for version in all_versions()}
    assert set(golden.FOLDER.glob("*.json")) <= known


def test_what_is_pinned_depends_on_the_template_alone():
    template = catalogue["sparsenn_small"]
    first = measure(template)
    assert measure(template) == first
    wider = measure(template.change("architecture", numeric_hidden=32))
    assert wider["parameters"] != first["parameters"]
    assert wider["flops"] < first["flops"]
    summed = measure(template.change("features", pooling={"kind": "sum"}))
    assert summed["parameters"] == first["parameters"]
    assert summed["loss"] != pytest.approx(first["loss"], rel=5e-6)


def test_missing_files_are_written_and_old_ones_left_alone(tmp_path, monkeypatch):
    version = next(each for each in all_versions() if each.name == "sparsenn_small")
    monkeypatch.setattr(golden, "all_versions", lambda: [version])
    (path,) = write_missing(tmp_path)
    assert path == golden_path(version, tmp_path)
    assert json.loads(path.read_text()) == measure(version.template)
    path.write_text("{}")
    assert write_missing(tmp_path) == []
    assert path.read_text() == "{}"
