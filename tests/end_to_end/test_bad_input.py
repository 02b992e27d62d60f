import pytest
from scripts import FLEET, refused

NOBODY = "all: {filter: {surface: 77}}\n  feed: {filter: {surface: 77}}"


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ((), ["--representatives", "9"], ["9 representatives", "3 models"]),
        (
            ("all: {}\n  feed: {filter: {surface: 0}}", NOBODY),
            [],
            ["no model that has traffic", "'view-all'", "surface = 77", "no rows"],
        ),
    ],
)
def test_what_is_found_wrong_once_workers_start_leaves_nothing(
    change, options, expected, capsys, cluster, tmp_path
):
    fleet = tmp_path / "tiny.yaml"
    fleet.write_text(FLEET.replace(*change) if change else FLEET)
    said = refused(capsys, fleet, tmp_path / "out", *options)
    assert all(part in said for part in expected), said
    assert not (tmp_path / "out").exists()


def test_another_run_is_not_overwritten(capsys, cluster, finished_run, fleet_file):
    said = refused(capsys, fleet_file, finished_run.out)
    assert "--resume" in said
    said = refused(capsys, fleet_file, finished_run.out, "--resume", "--trials", "4")
    assert "settings" in said or "techniques" in said


def test_a_demand_beyond_the_cluster_fails_instead_of_waiting(
    capsys, cluster, fleet_file, tmp_path
):
    said = refused(capsys, fleet_file, tmp_path / "out", "--workers", "64")
    assert "64 workers" in said
    assert "2 CPUs" in said
    assert not (tmp_path / "out").exists()
