import subprocess
import sys

import pytest
from scripts import FLEET, SCRIPT, generalize


def fails(capsys, fleet, out, *options):
    """Run the script in this process; return what it says before it exits with 2."""
    with pytest.raises(SystemExit) as stop:
        generalize(fleet, out, *options)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ((), ["--techniques", "dcn_v3"], ["unknown technique 'dcn_v3'", "dcn_v2"]),
        ((), ["--techniques", "nowhere.py:mine"], ["nowhere.py", "no such file"]),
        (
            (),
            ["--template", "decoupled_sparsenn_small", "--techniques", "target_attention"],
            ["'target_attention' does not fit", "'decoupled_sparsenn'", "it fits sparsenn"],
        ),
        ((), ["--trials", "0"], ["trials is 0", "at least 1"]),
        (
            (),
            ["--template", "sparsenn_smal"],
            ["unknown template 'sparsenn_smal'", "sparsenn_small"],
        ),
        ((), ["--representatives", "9"], ["9 representatives", "3 models"]),
        (("[view]", "[veiw]"), [], ["veiw", "view", "view-all"]),
        (("[user, item, category]", "[user, itme]"), [], ["itme", "item", "click-retrieval"]),
        (("{surface: 0}", "{surfaec: 0}"), [], ["surfaec", "view-feed"]),
        (("{surface: 0}", "{surface: 77}"), [], ["view-feed", "surface = 77", "no rows"]),
        (("weight: 3", "wieght: 3"), [], ["tiny.yaml", "wieght"]),
        (("weight: 3", "weight: -3"), [], ["tiny.yaml", "weight"]),
        (("surface: feed", "surface: fede"), [], ["tiny.yaml", "view-feed", "fede", "feed"]),
        (("rows: 6000", "rows: minus"), [], ["tiny.yaml", "rows"]),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(change, options, expected, capsys, tmp_path):
    fleet = tmp_path / "tiny.yaml"
    fleet.write_text(FLEET.replace(*change) if change else FLEET)
    said = fails(capsys, fleet, tmp_path / "out", *options)
    assert all(part in said for part in expected), said
    assert not (tmp_path / "out").exists()


def test_all_zero_weights_are_refused(capsys, tmp_path):
    fleet = tmp_path / "tiny.yaml"
    zero = FLEET.replace(", weight: 3}", "}").replace(
        "data_constraint: full}", "data_constraint: full, weight: 0}"
    )
    fleet.write_text(zero)
    said = fails(capsys, fleet, tmp_path / "out")
    assert "all weights are zero" in said
    assert not (tmp_path / "out").exists()


def test_a_missing_log_is_named(capsys, tmp_path, fleet_file):
    said = fails(capsys, fleet_file, tmp_path / "out", "--log", f"{tmp_path}/nolog")
    assert "nolog" in said
    assert "prepare_data" in said


def test_another_run_is_not_overwritten(capsys, cluster, finished_run, fleet_file):
    said = fails(capsys, fleet_file, finished_run.out)
    assert "--resume" in said
    said = fails(capsys, fleet_file, finished_run.out, "--resume", "--trials", "4")
    assert "settings" in said or "techniques" in said


def test_a_demand_beyond_the_cluster_fails_instead_of_waiting(
    capsys, cluster, fleet_file, tmp_path
):
    said = fails(capsys, fleet_file, tmp_path / "out", "--workers", "64")
    assert "64 workers" in said
    assert "2 CPUs" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", sorted(SCRIPT.parent.glob("*.py")), ids=lambda path: path.stem)
def test_help_loads_nothing_heavy(script):
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{str(script)!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0\n"
        "print('LOADED', sorted({'torch', 'ray', 'ax', 'pyarrow'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
    assert "LOADED []" in done.stdout
