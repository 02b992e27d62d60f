from pathlib import PurePosixPath

from hypothesis import example, given
from hypothesis import strategies as st

from smt.model_iteration.model_files import LONGEST, model_folder
from smt.storage import Folder


@given(name=st.text(min_size=1), other=st.text(min_size=1))
@example(name="../../etc", other="%2E%2E%2F%2E%2E%2Fetc")
@example(name="..", other=".")
@example(name="/root", other="root")
@example(name="a\0b", other="a")
@example(name="x" * 300, other="x" * 301)
@example(name="\N{OLD ITALIC LETTER A}" * 99, other="-")
def test_every_model_has_one_folder_of_its_own_whatever_its_name(name, other):
    path = PurePosixPath(model_folder(name))
    assert path.parts[0] == "models"
    assert len(path.parts) == 2
    assert "." not in path.parts[1]
    assert len(path.parts[1].encode()) <= LONGEST + 17
    assert (model_folder(other) == str(path)) == (other == name)


def test_a_model_of_any_name_can_be_kept(tmp_path):
    folder = Folder(tmp_path / "out")
    for name in ("../../etc", "..", "/root", "a\0b", "é" * 500):
        folder.write(f"{model_folder(name)}/record.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(folder.list("models", "record.json")) == 5
