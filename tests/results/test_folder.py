"""A result is written once and read once; what cannot be read is named."""

import json
from typing import Literal

import pytest

from smt.errors import InputError
from smt.results.folder import RESULT, Result, read_result, write_result
from smt.storage import Folder


class Tasting(Result):
    """A kind of run, made for these tests."""

    kind: Literal["tasting"] = "tasting"
    format: Literal[2] = 2
    wine: str
    points: float | None


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    write_result(folder, Tasting(wine="red", points=0.1 + 0.2))
    return folder


def rewrite(folder, **changed):
    values = {**json.loads(folder.read(RESULT)), **changed}
    kept = {key: value for key, value in values.items() if value is not ...}
    folder.write(RESULT, json.dumps(kept).encode())


def test_a_result_comes_back_to_the_last_bit(folder):
    assert read_result(folder, Tasting) == Tasting(wine="red", points=0.1 + 0.2)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"format": 3}, "'format' is 3, and this version of the package reads 2.*newer"),
        ({"format": 1}, "'format' is 1, .* run the command again"),
        ({"kind": "launch"}, "'kind' is 'launch'; that of a tasting is needed"),
        ({"format": ...}, "has no 'kind' and 'format'"),
        ({"winr": "x"}, "unknown key 'winr'; did you mean 'wine'"),
        ({"points": ...}, "'points': field required"),
        ({"points": "many"}, "'points'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_and_key(folder, changed, complaint):
    rewrite(folder, **changed)
    with pytest.raises(InputError, match=complaint) as refused:
        read_result(folder, Tasting)
    assert str(refused.value).startswith(folder.path(RESULT))


def test_a_folder_without_a_result_and_a_damaged_one_are_refused(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"holds no result\.json; the folder of a finished tasting"
    ):
        read_result(Folder(tmp_path / "none"), Tasting)
    folder.write(RESULT, b'{"kind": "tas')
    with pytest.raises(InputError, match="is damaged"):
        read_result(folder, Tasting)
