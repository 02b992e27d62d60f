"""Fleets over logs in the layouts of public data sets: no hand on a YAML but on the schema."""

import io

import pytest
from made_layouts import LAYOUTS, schema_text, write
from rich.console import Console
from scripts import run_script

from smt.data.filter import Range
from smt.data.sources import store
from smt.data.sources.infer import infer_schema
from smt.data.sources.table import read_table
from smt.fleet import Fleet, load_fleet, open_fleet, open_logs
from smt.mmo import Settings, generalize
from smt.model_iteration import LaunchSettings, instantiate, launch_fleet
from smt.techniques import find_technique
from smt.template import count_fleet_flops, find_fleet_templates

NAMES = [layout.__name__ for layout in LAYOUTS]
REASON = "its filter (timestamp < 0) leaves no rows in the training window"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Data set -> the fleet that is drafted for its log."""
    found = {}
    for layout in LAYOUTS:
        folder = tmp_path_factory.mktemp(layout.__name__)
        file, schema = write(layout, folder), folder / "schema.yaml"
        schema.write_text(schema_text(layout, infer_schema([file])))
        store(read_table([file], schema), folder / "log", test_share=0.2)
        found[layout.__name__] = folder / "fleet.yaml"
        options = ("--log", folder / "log", "--min-positives", "3")
        run_script("draft_fleet.py", "--out", folder / "fleet.yaml", *options)
    return found


@pytest.fixture(scope="module")
def fleet(files):
    """A model of every data set's fleet, and one without rows: one run tells of them all."""
    models = []
    for place, (name, file) in enumerate(files.items()):
        drafted = load_fleet(file)
        own = drafted.models[place * 5 % len(drafted.models)]
        template = find_fleet_templates(drafted).names[own.name]
        named = {"name": f"{name}: {own.name}", "template": template}
        models.append(own.model_copy(update=named))
    empty = {"name": "empty", "filter": {"timestamp": Range(below=0)}}
    models.append(models[NAMES.index("movielens_1m")].model_copy(update=empty))
    return Fleet(name="others", models=tuple(models))


@pytest.mark.parametrize("name", NAMES)
def test_a_fleet_is_drafted_of_which_every_model_can_be_trained_and_has_a_template(files, name):
    fleet = load_fleet(files[name])
    assert open_fleet(fleet).unfit == {}
    templates = find_fleet_templates(fleet)
    assert {*templates.names} == {model.name for model in fleet.models}
    # That each has a network is known once its FLOPs are counted.
    assert count_fleet_flops(templates, fleet, open_logs(fleet.models)).models


def test_a_search_over_them_leaves_out_the_model_that_has_no_rows(cluster, fleet, tmp_path):
    console = Console(file=io.StringIO(), width=200)
    found = generalize(
        [find_technique("label_smoothing")],
        fleet,
        out=tmp_path / "run",
        settings=Settings(trials=2, holdout=0, candidates=1),
        representatives=len(NAMES),
        console=console,
    )
    assert f"model 'empty' is left out: {REASON}" in console.file.getvalue()
    assert {model.name for model in found.representatives.models} == {
        model.name for model in fleet.models if model.name != "empty"
    }
    assert all(baseline.ne is not None for baseline in found.baselines.values())
    (result,) = found.results
    assert len(result.trials) == 2


def test_a_launch_of_them_has_a_row_for_each_and_the_reason_of_what_has_no_rows(
    cluster, fleet, tmp_path
):
    launch = launch_fleet(fleet, None, baseline="none")
    instances = instantiate(
        fleet,
        launch,
        out=tmp_path / "launch",
        settings=LaunchSettings(),
        console=Console(quiet=True),
    )
    assert [instance.model for instance in instances] == [model.name for model in fleet.models]
    *trained, empty = instances
    assert (empty.outcome, empty.reasons) == ("failed", (REASON,))
    for instance in trained:
        # Their labels are coins: no model is bound to beat a constant.
        assert instance.evidence.ne is not None, instance
        assert instance.evidence.cost is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_scripts_search_and_launch_a_drafted_fleet(cluster, files, name, tmp_path):
    run_script(
        "generalize.py",
        *("--fleet", files[name], "--out", tmp_path / "run", "--techniques", "label_smoothing"),
        *("--trials", "2", "--representatives", "3", "--holdout", "0", "--candidates", "1"),
    )
    run_script("instantiate.py", "--fleet", files[name], "--out", tmp_path / "launch")
    assert (tmp_path / "launch" / "report.html").exists()
