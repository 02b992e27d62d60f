import subprocess
import sys

import pytest
from pydantic import ValidationError

from smt.errors import InputError
from smt.spec import Spec, digest, read_yaml, suggest


class Inner(Spec):
    depth: int = 1


class Outer(Spec):
    rate: float = 0.5
    inner: Inner = Inner()
    names: tuple[str, ...] = ()
    sizes: dict[str, int] = {}
    several: tuple[Inner, ...] = ()
    called: dict[str, Inner] = {}


def test_yaml_round_trip_gives_an_equal_spec(tmp_path):
    spec = Outer(rate=0.1 + 0.2, inner=Inner(depth=3), names=("a", "no", "1"))
    spec.dump(tmp_path / "spec.yaml")
    assert Outer.load(tmp_path / "spec.yaml") == spec


def test_unknown_key_names_the_file_the_key_and_the_closest_known_one(tmp_path):
    (tmp_path / "spec.yaml").write_text("rat: 1\n")
    with pytest.raises(InputError, match=r"spec\.yaml: unknown key 'rat'; did you mean 'rate'\?"):
        Outer.load(tmp_path / "spec.yaml")


def test_unknown_nested_key_is_named_by_its_path():
    with pytest.raises(
        InputError, match=r"^here: unknown key 'inner\.dept'; did you mean 'depth'\?"
    ):
        Outer.parse({"inner": {"dept": 1}}, source="here")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"several": [{}, {"dept": 1}]}, r"several\.1\.dept"),
        ({"called": {"a": {"dept": 1}}}, "a.dept"),
    ],
)
def test_an_unknown_key_of_an_entry_is_named_with_the_closest_known_one(values, key):
    with pytest.raises(InputError, match=rf"{key}'; did you mean 'depth'\?"):
        Outer.parse(values, source="here")


def test_what_should_be_a_list_is_said_as_yaml_has_it():
    with pytest.raises(InputError, match=r"^here: 'names' should be a list, as in \[a, b\]$"):
        Outer.parse({"names": "a"}, source="here")


def test_impossible_value_names_the_key_and_says_what_is_right():
    with pytest.raises(InputError, match=r"^here: 'inner\.depth': input should be a valid integer"):
        Outer.parse({"inner": {"depth": "deep"}}, source="here")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(value):
    with pytest.raises(InputError, match="'rate'"):
        Outer.parse({"rate": value}, source="here")


def test_a_missing_and_a_malformed_file_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(InputError, match=r"bad\.yaml: not valid YAML"):
        read_yaml(tmp_path / "bad.yaml")


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / "bad.yaml").write_text(f"a: !!python/object/apply:os.mkdir ['{ran}']")
    with pytest.raises(InputError, match=r"bad\.yaml: not valid YAML.*os\.mkdir.* line 1"):
        read_yaml(tmp_path / "bad.yaml")
    assert not ran.exists()


def test_specs_are_immutable():
    with pytest.raises(ValidationError):
        Outer().rate = 1.0


def test_digest_is_of_the_content_alone():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert Outer(rate=0.5).digest() == Outer().digest()
    assert Outer(rate=0.25).digest() != Outer().digest()


def test_digest_is_the_same_in_another_process():
    code = "from smt.spec import digest; print(digest({'a': 0.1, 'b': ['x', None]}))"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == digest({"a": 0.1, "b": ["x", None]})


def test_suggest_gives_the_closest_name_or_else_all():
    assert suggest("clik", ["click", "like"]) == "did you mean 'click'?"
    assert suggest("zzz", ["click", "like"]) == "known: click, like"
    assert suggest("zzz", []) == "known: none"


def test_a_text_that_is_not_quoted_is_named_with_the_way_out():
    with pytest.raises(InputError, match=r"^here: 'names\.0' should be text.*a number.*quotes"):
        Outer.parse({"names": [1]}, source="here")
    with pytest.raises(InputError, match=r"^here: 'names\.0' should be text.*true or false"):
        Outer.parse({"names": [True]}, source="here")


def test_a_key_that_is_no_text_is_named_by_where_it_is():
    with pytest.raises(InputError, match=r"^here: 'sizes\.1' should be text.*quotes"):
        Outer.parse({"sizes": {1: 2}}, source="here")


def test_a_file_of_another_encoding_is_named(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("names: [Málaga]".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml: not valid YAML: 'utf-8' codec"):
        read_yaml(tmp_path / "latin.yaml")


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbfrate: 1\n")
    assert Outer.load(tmp_path / "spec.yaml").rate == 1
