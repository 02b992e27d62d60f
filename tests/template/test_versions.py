import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smt.errors import InputError
from smt.spec import digest
from smt.template.catalogue import find_template, find_version
from smt.template.template import Template
from smt.template.versions import (
    AppliedTechnique,
    BackTest,
    RunRecord,
    TechniqueNumbers,
    Version,
    history,
    load_record,
    load_version,
    read_version,
    version_numbers,
    write_version,
)

FIRST = Version(name="t", number=1, written="2026-01-31", template=Template(name="t"))
SECOND = Version(
    name="t",
    number=2,
    parent=1,
    techniques=(AppliedTechnique(name="faster", theta={"rate": 0.01, "big": True, "kind": "a"}),),
    run=RunRecord(
        fleet="shop",
        representatives=("click/feed", "like/feed"),
        trials=20,
        seed=0,
        techniques={
            "faster": TechniqueNumbers(mean=0.3, regression_rate=0.0, value=0.3),
            "worse": TechniqueNumbers(mean=-0.2, regression_rate=0.5, value=None),
        },
        command="generalize.py --techniques faster worse",
    ),
    backtest=BackTest(
        fleet="shop", models=3, mean=0.25, regression_rate=0.0, seeds=(0, 1), command="back_test.py"
    ),
    written="2026-02-28",
    template=FIRST.template.change("training", dense_rate=1e-8, batch_size=1024),
)


@pytest.fixture
def folder(tmp_path):
    write_version(FIRST, tmp_path)
    write_version(SECOND, tmp_path)
    return tmp_path


def rewrite(path, change):
    """Edit a version's file, and make its hash right again."""
    content = yaml.safe_load(path.read_text())
    del content["digest"]
    change(content)
    path.write_text(yaml.safe_dump({**content, "digest": digest(content)}))


def test_a_version_reads_back_as_it_was_written(folder):
    assert load_record("t", 1, folder=folder) == FIRST
    assert load_record("t", 2, folder=folder) == SECOND
    assert load_version("t", 1, folder=folder) == FIRST.template
    assert history("t", folder=folder) == (FIRST, SECOND)


def test_the_latest_version_is_the_highest_number(folder):
    for number in range(3, 12):
        write_version(FIRST.model_copy(update={"number": number, "parent": 2}), folder)
    assert version_numbers("t", folder=folder) == tuple(range(1, 12))
    assert load_record("t", folder=folder).number == 11


@given(st.floats(1e-300, 1e300), st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_any_number_and_text_survives(tmp_path_factory, rate, theta, notes):
    folder = tmp_path_factory.mktemp("versions")
    template = FIRST.template.change("training", dense_rate=rate)
    technique = AppliedTechnique(name="x", theta={"a": theta, "b": notes, "c": 1, "d": False})
    write_version(FIRST, folder)
    version = SECOND.model_copy(
        update={"template": template, "techniques": (technique,), "notes": notes}
    )
    write_version(version, folder)
    again = load_record("t", 2, folder=folder)
    assert again == version
    types = [type(value) for value in again.techniques[0].theta.values()]
    assert types == [float, str, int, bool]


def test_a_file_holds_the_template_in_full(folder):
    content = yaml.safe_load((folder / "t" / "v1.yaml").read_text())
    assert content["template"] == FIRST.template.to_dict()
    assert content["template"]["training"]["batch_size"] == 512


def test_a_file_from_before_a_field_existed_still_loads(folder):
    def forget(content):
        del content["notes"]
        del content["template"]["training"]["ema_decay"]
        del content["template"]["exposed"]
        for technique in content["techniques"]:
            del technique["exposed"]

    for number, version in ((1, FIRST), (2, SECOND)):
        rewrite(folder / "t" / f"v{number}.yaml", forget)
        assert load_record("t", number, folder=folder) == version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch_size: 1024", "batch_size: 1023"),
        ("mean: 0.25", "mean: 0.26"),
        ("fleet: shop", "fleet: shop\n  1: shop"),
        ("digest: '", "digest: 'x"),
    ],
)
def test_a_file_edited_by_hand_is_refused(folder, old, new):
    path = folder / "t" / "v2.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    message = f"{path} was changed after it was written (its content hash is "
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        load_version("t", 2, folder=folder)
    assert str(refused.value).endswith("; restore it and write a new version instead")
    assert load_version("t", 1, folder=folder) == FIRST.template


def test_what_a_technique_exposes_is_recorded(folder):
    exposed = AppliedTechnique(name="faster", theta={"rate": 0.01, "big": True}, exposed=("rate",))
    third = SECOND.model_copy(update={"number": 3, "parent": 2, "techniques": (exposed,)})
    write_version(third, folder)
    assert load_record("t", 3, folder=folder).techniques[0].exposed == ("rate",)


def test_comments_and_order_are_not_content(folder):
    path = folder / "t" / "v1.yaml"
    content = yaml.safe_load(path.read_text())
    path.write_text("# seen\n" + yaml.safe_dump(content, sort_keys=True))
    assert load_record("t", 1, folder=folder) == FIRST


def test_a_renamed_file_is_refused(folder):
    (folder / "t" / "v3.yaml").write_bytes((folder / "t" / "v2.yaml").read_bytes())
    with pytest.raises(InputError, match=r"v3\.yaml: holds version 2 of 't'"):
        load_version("t", 3, folder=folder)


def test_a_file_that_is_no_version_is_refused(folder):
    path = folder / "t" / "v1.yaml"
    path.write_text("- 1\n")
    with pytest.raises(InputError, match=r"v1\.yaml: not a template version"):
        read_version(path)
    path.write_text("template: [\n")
    with pytest.raises(InputError, match=r"v1\.yaml: not valid YAML"):
        read_version(path)


def test_an_impossible_value_is_named_with_its_file_and_key(folder):
    path = folder / "t" / "v1.yaml"
    rewrite(path, lambda content: content["template"]["training"].update(batch_size=0))
    with pytest.raises(InputError, match=r"v1\.yaml: 'template\.training\.batch_size'"):
        load_version("t", 1, folder=folder)


def test_unknown_names_and_versions_are_refused_with_the_known_ones(folder):
    with pytest.raises(InputError, match=r"^unknown template 'tt'; did you mean 't'\?$"):
        load_version("tt", folder=folder)
    with pytest.raises(InputError, match=r"^template 't' has no version 9; its versions: 1, 2$"):
        load_version("t", 9, folder=folder)


def test_only_the_next_version_can_be_written(folder):
    before = (folder / "t" / "v2.yaml").read_bytes()
    for number in (2, 4):
        version = SECOND.model_copy(update={"number": number})
        with pytest.raises(InputError, match=f"version {number} cannot be written; .* is 3"):
            write_version(version, folder)
    assert (folder / "t" / "v2.yaml").read_bytes() == before
    assert version_numbers("t", folder=folder) == (1, 2)


def test_a_parent_must_exist(folder):
    (folder / "t" / "v1.yaml").unlink()
    third = SECOND.model_copy(update={"number": 3})
    with pytest.raises(InputError, match="'t': parent 1 does not exist"):
        write_version(third, folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "u"}, "template is named 't', not 'u'"),
        ({"parent": 2}, "parent 2 is not before version 2"),
        ({"parent": None}, "techniques change a parent, but parent is none"),
        ({"written": "today"}, "written"),
        (
            {"techniques": [{"name": "faster", "theta": {"rate": 1}, "exposed": ["big"]}]},
            "'big' is exposed, but technique 'faster' has none",
        ),
        ({"backtest": {**SECOND.to_dict()["backtest"], "regression_rate": 1.1}}, "regression_rate"),
    ],
)
def test_parts_of_a_version_fit_together(change, message):
    with pytest.raises(ValidationError, match=message):
        Version.model_validate({**SECOND.to_dict(), **change})


def test_a_folder_may_be_a_uri_to_read_and_to_write(tmp_path):
    folder = (tmp_path / "versions").as_uri()
    assert write_version(FIRST, folder) == f"{folder}/t/v1.yaml"
    assert write_version(SECOND, folder) == f"{folder}/t/v2.yaml"
    assert history("t", folder=folder) == (FIRST, SECOND)
    assert history("t", folder=tmp_path / "versions") == (FIRST, SECOND)
    assert read_version(f"{folder}/t/v2.yaml") == SECOND
    with pytest.raises(InputError, match=r"^unknown template 'tt'; did you mean 't'\?$"):
        load_version("tt", folder=folder)
    with pytest.raises(InputError, match=re.escape(f"{folder}/t/v3.yaml: no such file")):
        read_version(f"{folder}/t/v3.yaml")


def test_a_file_by_its_uri_is_a_template_or_a_version(folder):
    FIRST.template.dump(folder / "alone.yaml")
    alone, second = (folder / "alone.yaml").as_uri(), (folder / "t" / "v2.yaml").as_uri()
    assert (find_version(alone), find_template(alone)) == (None, FIRST.template)
    assert (find_version(second), find_template(second)) == (SECOND, SECOND.template)


def test_names_are_those_of_the_folder_that_is_given(folder):
    assert find_template("t", folder=folder) == SECOND.template
    assert find_version("t@1", folder=folder) == FIRST
    with pytest.raises(InputError, match="unknown template 'sparsenn_small'; known: t"):
        find_template("sparsenn_small", folder=folder)
    with pytest.raises(InputError, match="unknown template 't'"):
        find_template("t")
