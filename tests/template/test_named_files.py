import pytest

from smt.template import Template
from smt.template.named_files import FileDigests, named_files

PLAIN = Template(name="plain")


def importance_of(location):
    return PLAIN.change("features", selection={"importance": str(location)})


def with_side_table(template, location):
    side = {"table": str(location), "key": "user", "columns": {"x": {"kind": "numeric"}}}
    return template.change("data", enrichments=[side])


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "table.parquet"
    file.write_bytes(b"first")
    return file


def digest_of(template):
    return FileDigests().of(template)


def test_a_template_names_its_importance_and_its_side_tables():
    assert named_files(PLAIN) == ()
    assert named_files(with_side_table(importance_of("i"), "s3://b/t")) == ("i", "s3://b/t")


@pytest.mark.parametrize("name", [importance_of, lambda file: with_side_table(PLAIN, file)])
def test_what_a_file_holds_is_in_its_digest(name, table):
    before = digest_of(name(table))
    assert digest_of(name(table)) == before
    table.write_bytes(b"other")
    assert digest_of(name(table)) != before
    assert [*digest_of(name(table))] == [str(table)]


def test_a_uri_and_a_path_have_the_digest_of_one_content(table):
    by_path, by_uri = digest_of(importance_of(table)), digest_of(importance_of(table.as_uri()))
    assert [*by_path.values()] == [*by_uri.values()]


def test_a_folder_counts_with_all_its_files_and_their_names(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "0").write_bytes(b"a")
    found = [digest_of(importance_of(tmp_path))]
    (tmp_path / "part" / "1").write_bytes(b"b")
    found.append(digest_of(importance_of(tmp_path)))
    (tmp_path / "part" / "1").rename(tmp_path / "part" / "2")
    found.append(digest_of(importance_of(tmp_path)))
    assert len({str(each) for each in found}) == 3


def test_a_file_that_appears_later_is_another_content(table):
    content = table.read_bytes()
    table.unlink()
    missing = digest_of(importance_of(table))
    table.write_bytes(content)
    assert digest_of(importance_of(table)) != missing


def test_each_file_is_read_once_a_run(table):
    digests = FileDigests()
    first = digests.of(importance_of(table), None)
    table.write_bytes(b"other")
    assert digests.of(with_side_table(importance_of(table), table)) == first


def test_a_run_whose_templates_name_no_file_is_known_by_what_it_ever_was(table):
    assert FileDigests().of_run(PLAIN) == {}
    assert [*FileDigests().of_run(PLAIN, importance_of(table))] == ["files"]
