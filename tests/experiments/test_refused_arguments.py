"""What scripts refuse before they start Ray, and what they load for it."""

import subprocess
import sys

import pytest
import ray
from scripts import FLEET, SCRIPT, refused


@pytest.fixture(autouse=True)
def no_cluster():
    """Nothing is started for arguments that are wrong."""
    before = ray.is_initialized()
    yield
    assert ray.is_initialized() == before


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
        (("[view]", "[veiw]"), [], ["veiw", "view", "view-all"]),
        (("[user, item, category]", "[user, itme]"), [], ["itme", "item", "click-retrieval"]),
        (("{surface: 0}", "{surfaec: 0}"), [], ["surfaec", "view-feed"]),
        (("weight: 3", "wieght: 3"), [], ["tiny.yaml", "wieght"]),
        (("weight: 3", "weight: -3"), [], ["tiny.yaml", "weight"]),
        (("surface: feed", "surface: fede"), [], ["tiny.yaml", "view-feed", "fede", "feed"]),
        (("rows: 6000", "rows: minus"), [], ["tiny.yaml", "rows"]),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(change, options, expected, capsys, tmp_path):
    fleet = tmp_path / "tiny.yaml"
    fleet.write_text(FLEET.replace(*change) if change else FLEET)
    said = refused(capsys, fleet, tmp_path / "out", *options)
    assert all(part in said for part in expected), said
    assert not (tmp_path / "out").exists()


def test_all_zero_weights_are_refused(capsys, tmp_path):
    fleet = tmp_path / "tiny.yaml"
    zero = FLEET.replace(", weight: 3}", "}").replace(
        "data_constraint: full}", "data_constraint: full, weight: 0}"
    )
    fleet.write_text(zero)
    said = refused(capsys, fleet, tmp_path / "out")
    assert "all weights are zero" in said
    assert not (tmp_path / "out").exists()


def test_a_missing_log_is_named(capsys, tmp_path, fleet_file):
    said = refused(capsys, fleet_file, tmp_path / "out", "--log", f"{tmp_path}/nolog")
    assert "nolog" in said
    assert "prepare_data" in said


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
