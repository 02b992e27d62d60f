from pathlib import Path

import pytest
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet, TemplateRule
from smt.model_iteration import launch_fleet, launch_templates
from smt.template import history, load_version
from smt.template.named_files import named_files
from smt.template.versions import Version, write_version


def test_the_latest_version_is_compared_with_its_parent():
    latest = history("sparsenn_small")[-1]
    found = launch_templates("sparsenn_small")
    assert found.template == latest.template
    assert (found.name, found.version) == (f"sparsenn_small@{latest.number}", latest.number)
    assert found.baseline == load_version("sparsenn_small", latest.parent)
    assert found.baseline_name == f"sparsenn_small@{latest.parent}"


@pytest.mark.parametrize("asked", [("sparsenn_small@1", None), ("sparsenn_small", 1)])
def test_a_first_version_is_compared_with_nothing(asked):
    name, version = asked
    found = launch_templates(name, version=version)
    assert (found.name, found.version) == ("sparsenn_small@1", 1)
    assert found.baseline is None
    assert found.baseline_name is None


def test_the_baseline_is_what_is_asked_for_or_none():
    other = launch_templates("sparsenn_small", baseline="sparsenn_medium@1")
    assert other.baseline == load_version("sparsenn_medium", 1)
    assert launch_templates("sparsenn_small@2", baseline="none").baseline is None


def test_a_file_is_a_template_without_a_number(tmp_path):
    path = tmp_path / "mine.yaml"
    load_version("sparsenn_small", 1).dump(path)
    found = launch_templates(str(path), baseline="sparsenn_small@1")
    assert (found.name, found.version) == (str(path), None)
    assert found.template == found.baseline


def test_both_are_trained_on_as_many_rows():
    found = launch_templates("sparsenn_small@2", train_rows=500)
    assert found.template.data.train_rows == found.baseline.data.train_rows == 500


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "sparsenn_smal"}, "did you mean 'sparsenn_small'"),
        ({"name": "sparsenn_small", "version": 99}, "its versions: 1"),
        ({"name": "sparsenn_small@1", "version": 2}, "give one of them"),
        ({"name": "sparsenn_small", "baseline": "nothing"}, "unknown template 'nothing'"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        launch_templates(**arguments)


@pytest.fixture
def registry(tmp_path):
    """A folder of one's own, whose first version is another than the package's."""
    first = load_version("sparsenn_small", 1).change("training", dense_rate=0.123)
    for number, template in ((1, first), (2, first.change("training", batch_size=64))):
        version = Version(
            name="sparsenn_small",
            number=number,
            parent=number - 1 or None,
            written="2026-01-31",
            template=template,
        )
        write_version(version, tmp_path)
    return tmp_path


@pytest.mark.parametrize("location", [str, Path.as_uri])
def test_a_version_file_is_compared_with_the_parent_beside_it(location, registry):
    family = location(registry / "sparsenn_small")
    found = launch_templates(f"{family}/v2.yaml")
    assert (found.version, found.template.training.batch_size) == (2, 64)
    assert found.baseline.training.dense_rate == 0.123
    assert found.baseline_name == f"{family}/v1.yaml"


@pytest.mark.parametrize("location", [str, Path.as_uri])
def test_a_named_version_and_its_parent_are_from_one_folder(location, registry):
    found = launch_templates("sparsenn_small", folder=location(registry))
    assert (found.name, found.baseline_name) == ("sparsenn_small@2", "sparsenn_small@1")
    assert found.baseline.training.dense_rate == 0.123
    asked = launch_templates(
        "sparsenn_small", version=2, baseline="sparsenn_small@1", folder=location(registry)
    )
    assert asked == found
    package = launch_templates("sparsenn_small@2")
    assert package.baseline == load_version("sparsenn_small", 1)


def test_a_version_file_without_its_parent_beside_it_needs_a_baseline(
    registry, tmp_path, monkeypatch
):
    folder = registry / "sparsenn_small"
    (folder / "v1.yaml").rename(folder / "other.yaml")
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"version 1 of .*, and v1\.yaml: no such file; say"):
        launch_templates("v2.yaml")
    assert launch_templates("v2.yaml", baseline="none").baseline is None
    other = launch_templates("v2.yaml", baseline="other.yaml")
    assert other.baseline.training.dense_rate == 0.123
    (folder / "v1.yaml").write_bytes((folder / "v2.yaml").read_bytes())
    with pytest.raises(InputError, match=r"v1\.yaml: holds version 2 of 'sparsenn_small'"):
        launch_templates("v2.yaml")


def test_a_teacher_is_of_the_versions_own_folder_where_that_has_it(tmp_path):
    first = {"number": 1, "written": "2026-01-31"}
    taught = {"version": 1, "weight": 0.5}
    mine = load_version("sparsenn_large", 1).model_copy(update={"name": "mine_large"})
    write_version(Version(name="mine_large", template=mine, **first), tmp_path)
    for name, teacher in (("by_mine", "mine_large"), ("by_package", "sparsenn_large")):
        template = load_version("sparsenn_small", 1).model_copy(update={"name": name})
        template = template.change("data", distillation={"teacher": teacher, **taught})
        write_version(Version(name=name, template=template, **first), tmp_path)
    launched = launch_templates("by_mine", folder=tmp_path, baseline="by_package")
    spec = launched.template.data.distillation
    assert load_version(spec.teacher, spec.version) == mine
    # What the teacher is counts in keys, as no file of one's own need stay what it was.
    assert named_files(launched.template) == (str(tmp_path / "mine_large" / "v1.yaml"),)
    assert launched.baseline.data.distillation.teacher == "sparsenn_large"
    assert named_files(launched.baseline) == ()


EARLY = made_model("early", stage="retrieval")
LATE = made_model("late")
RULES = (
    TemplateRule(template="decoupled_sparsenn_small", stages=["retrieval"]),
    TemplateRule(template="sparsenn_small@2", stages=["ranking"]),
)
RULED = Fleet(name="shop", templates=RULES, models=(EARLY, LATE))


def test_each_model_of_a_fleet_is_compared_with_the_parent_of_its_own_version():
    launch = launch_fleet(RULED)
    early, late = launch.of["early"], launch.of["late"]
    number = history("decoupled_sparsenn_small")[-1].number
    assert (early.name, early.version) == (f"decoupled_sparsenn_small@{number}", number)
    assert early.baseline_name == f"decoupled_sparsenn_small@{number - 1}"
    assert (late.name, late.baseline_name) == ("sparsenn_small@2", "sparsenn_small@1")
    assert launch.templates == (early, late)
    assert launch.remarks == ()


def test_options_are_of_every_template_of_a_fleet():
    launch = launch_fleet(RULED, baseline="none", train_rows=500)
    assert [made.baseline for made in launch.templates] == [None, None]
    assert [made.template.data.train_rows for made in launch.templates] == [500, 500]


def test_one_template_that_two_names_call_is_one():
    pinned = made_model("pinned", template=launch_templates("sparsenn_small").name)
    launch = launch_fleet(Fleet(name="shop", models=(pinned, LATE)))
    assert len(launch.templates) == 1


def test_a_version_is_of_the_template_that_is_asked_for_or_of_sparsenn_small():
    fleet = Fleet(name="shop", models=(LATE,))
    assert launch_fleet(fleet, version=1).of["late"].name == "sparsenn_small@1"
    asked = launch_fleet(RULED, "sparsenn_medium", version=1)
    assert {made.name for made in asked.of.values()} == {"sparsenn_medium@1"}
    assert "'sparsenn_medium@1', which has one tower" in asked.remarks[0]
    with pytest.raises(InputError, match="version 1 is of no template: fleet 'shop' names its own"):
        launch_fleet(RULED, version=1)


def test_a_model_is_compared_with_what_it_runs_today():
    today = made_model("today", incumbent="sparsenn_medium@1")
    launch = launch_fleet(Fleet(name="shop", models=(today, LATE)), "sparsenn_small@2")
    assert launch.of["today"].baseline == load_version("sparsenn_medium", 1)
    assert [made.baseline_name for made in launch.of.values()] == [
        "sparsenn_medium@1",
        "sparsenn_small@1",
    ]
    assert len(launch.templates) == 2
    asked = launch_fleet(Fleet(name="shop", models=(today, LATE)), baseline="sparsenn_large@1")
    assert {made.baseline_name for made in asked.of.values()} == {"sparsenn_large@1"}


def test_a_rule_says_what_its_models_run_today_unless_they_say_so_themselves():
    own = made_model("own", incumbent="sparsenn_small@2")
    pinned = made_model("pinned", template="sparsenn_medium@1")
    rule = TemplateRule(template="sparsenn_small@3", incumbent="sparsenn_large@1")
    fleet = Fleet(name="shop", templates=(rule,), models=(own, pinned, made_model("other")))
    compared = {name: each.baseline_name for name, each in launch_fleet(fleet).of.items()}
    assert compared == {"own": "sparsenn_small@2", "pinned": None, "other": "sparsenn_large@1"}
    asked = launch_fleet(fleet, "sparsenn_small@3").of
    assert asked["other"].baseline_name == "sparsenn_small@2"
    assert launch_fleet(fleet, baseline="sparsenn_medium@1").of["other"].baseline_name == (
        "sparsenn_medium@1"
    )


def test_an_incumbent_that_is_no_template_is_refused():
    today = made_model("today", incumbent="sparsenn_medum@1")
    with pytest.raises(InputError, match="the incumbent of model 'today': unknown template 'spars"):
        launch_fleet(Fleet(name="shop", models=(today,)))


def test_an_incumbent_without_a_number_is_the_version_that_it_is_today():
    today = made_model("today", incumbent="sparsenn_medium")
    latest = history("sparsenn_medium")[-1].number
    launch = launch_fleet(Fleet(name="shop", models=(today,)))
    assert launch.of["today"].baseline_name == f"sparsenn_medium@{latest}"


OUTSIDE = {"predictions": "models/today.parquet", "score": "p", "on": ("user", "time")}


def test_predictions_are_what_their_model_alone_is_compared_with():
    """Of two models with one file, each has its own column."""
    first, second = (
        made_model(name, incumbent={**OUTSIDE, "score": name}) for name in ("first", "second")
    )
    fleet = Fleet(name="shop", models=(first, second, LATE))
    launch = launch_fleet(fleet, "sparsenn_small@2")
    for model in (first, second):
        made = launch.of[model.name]
        assert (made.baseline, made.baseline_name) == (None, "models/today.parquet")
        assert made.incumbent == model.incumbent
        assert made.template == launch.of["late"].template
    assert launch.of["late"].incumbent is None
    assert launch.of["late"].baseline_name == "sparsenn_small@1"
    assert [made.baseline_name for made in launch.templates] == [
        "models/today.parquet",
        "sparsenn_small@1",
    ]


def test_a_checkpoint_is_called_by_its_folder():
    today = made_model("today", incumbent={"checkpoint": "runs/june/models/today"})
    made = launch_fleet(Fleet(name="shop", models=(today,))).of["today"]
    assert (made.baseline, made.baseline_name) == (None, "runs/june/models/today")
    assert made.incumbent == today.incumbent


@pytest.mark.parametrize("baseline", ["sparsenn_large@1", "none"])
def test_a_baseline_that_is_asked_for_takes_the_place_of_predictions(baseline):
    fleet = Fleet(name="shop", models=(made_model("today", incumbent=OUTSIDE),))
    made = launch_fleet(fleet, baseline=baseline).of["today"]
    assert made.incumbent is None
    assert made.baseline_name == (None if baseline == "none" else baseline)
