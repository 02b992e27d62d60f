import subprocess
import sys

import pytest
from rich.console import Console

from smt.command_line import run
from smt.template import Choice, Float, Template, catalogue, history
from smt.template.__main__ import Config, main
from smt.template.architecture import Cross, Dot, Parallel, PlainMLP
from smt.template.difference import diff
from smt.template.features import PositionWeighting
from smt.template.show import change_lines, template_tree, words
from smt.template.versions import (
    AppliedTechnique,
    BackTest,
    RunRecord,
    TechniqueNumbers,
    Version,
    write_version,
)

FLEET = """
name: tiny
log: {simulator: {rows: 500000}}
stages:
  ranking: {features: [user, item, category, user_age, history]}
surfaces:
  feed: {filter: {surface: 0}}
data_constraints:
  full: {}
models:
- {name: click/feed, stage: ranking, events: [click], surface: feed, data_constraint: full}
"""
FIRST = Version(name="t", number=1, written="2026-01-31", template=Template(name="t"))
SECOND = Version(
    name="t",
    number=2,
    parent=1,
    techniques=(AppliedTechnique(name="positions", theta={"max_positions": 14, "half": 23.1}),),
    run=RunRecord(
        fleet="shop",
        representatives=("a", "b"),
        trials=20,
        seed=0,
        techniques={"positions": TechniqueNumbers(mean=0.3, regression_rate=0.05, value=0.3)},
        command="generalize",
    ),
    backtest=BackTest(
        fleet="shop", models=9, mean=0.25, regression_rate=0.1, seeds=(0,), command="back_test"
    ),
    written="2026-02-28",
    template=FIRST.template.change(
        "features", position_weighting={"max_positions": 14, "half_life": 23.1}
    ),
)


@pytest.fixture
def said(capsys, monkeypatch):
    """What the command prints."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["smt.template", *map(str, arguments)])
        run(main, Config)
        return capsys.readouterr().out

    return call


@pytest.fixture
def refused(capsys, monkeypatch):
    """What the command says before it exits with 2."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["smt.template", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run(main, Config)
        assert stop.value.code == 2
        message = capsys.readouterr().err
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        return message

    return call


@pytest.fixture
def folder(tmp_path):
    write_version(FIRST, tmp_path)
    write_version(SECOND, tmp_path)
    return tmp_path


@pytest.fixture
def fleet(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET)
    return path


def plain(renderable):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (100_000, "100,000"),
        (0.002, "0.002"),
        ("fp32", "fp32"),
        ((), "none"),
        ((128, 64), "[128, 64]"),
        (Dot(), "dot"),
        (PlainMLP(widths=(4,)), "plain (widths [4])"),
        (PositionWeighting(max_positions=14, half_life=23.1), "max_positions 14, half_life 23.1"),
        (
            (Parallel(members=(Dot(), Cross(layers=2, rank=None))),),
            "[parallel (members [dot, cross (layers 2, rank none)])]",
        ),
        (Float(0.1, 2), "a number in [0.1, 2]"),
        (Choice([1, 2]), "one of [1, 2]"),
        ({"a": 1, "b": None}, "a 1, b none"),
        ({}, "none"),
    ],
)
def test_values_are_said_in_words(value, expected):
    assert words(value) == expected


@pytest.mark.parametrize("name", [*catalogue])
def test_show_prints_every_part_and_every_value(said, name):
    shown = said("show", name)
    template = catalogue[name]
    assert shown.startswith(name)
    assert f"paradigm {template.paradigm}, scale {template.scale}" in shown
    for part in ("architecture", "features", "data", "training", "serving"):
        assert f"── {part}\n" in shown
        for key in type(getattr(template, part)).model_fields:
            assert f"── {key}" in shown
    assert f"embedding_dim {template.architecture.embedding_dim}\n" in shown
    assert f"version {history(name)[-1].number}, written " in shown


def test_show_takes_a_number_and_a_file(said, folder, tmp_path):
    latest = history("sparsenn_small")[-1].number
    assert said("show", f"sparsenn_small@{latest}") == said("show", "sparsenn_small")
    assert "version 1, written " in said("show", "sparsenn_small@1")
    shown = said("show", folder / "t" / "v2.yaml")
    origin = "version 2, written 2026-02-28, from version 1 by positions (max_positions 14, half"
    assert origin in shown
    Template(name="mine").dump(tmp_path / "mine.yaml")
    shown = said("show", tmp_path / "mine.yaml")
    assert shown.startswith("mine\n")
    assert "written" not in shown


def test_only_what_is_not_a_default_stands_out():
    console = Console(width=200, force_terminal=True, color_system="standard")
    template = Template(name="t").change("training", batch_size=64, optimizer={"kind": "sgd"})
    with console.capture() as capture:
        console.print(template_tree(template))
    bright = [line for line in capture.get().splitlines() if "\x1b[2m" not in line]
    assert [line.split("── ")[-1] for line in bright if "│" in line and "\x1b[1m" not in line] == [
        "batch_size 64",
        "optimizer sgd",
    ]


def test_exposed_hyperparameters_are_shown_with_their_domains():
    template = Template(name="t", exposed={"training.dense_rate": Float(0.001, 0.1)})
    shown = plain(template_tree(template))
    assert "training.dense_rate 0.002, a number in [0.001, 0.1]" in shown


def test_diff_prints_changes_under_their_parts(said, folder):
    assert said("diff", "t", 1, 2, "--folder", folder) == (
        "features\n  features.position_weighting: none -> max_positions 14, half_life 23.1\n"
    )
    assert said("diff", "t", 2, 2, "--folder", folder) == "no difference\n"
    assert said("diff", "sparsenn_small", 1, 1) == "no difference\n"


def test_parts_come_in_order_and_each_once():
    before, after = catalogue["sparsenn_small"], catalogue["decoupled_sparsenn_large"]
    lines = plain(change_lines(diff(before, after))).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "template",
        "architecture",
        "features",
        "training",
    ]
    assert "  paradigm: sparsenn -> decoupled_sparsenn" in lines
    assert "  architecture.embedding_dim: 16 -> 32" in lines


def test_history_says_what_made_each_version_and_what_it_was_worth(said, folder):
    table = said("history", "t", "--folder", folder)
    first, second = (line for line in table.splitlines() if line.startswith(("│ 1", "│ 2")))
    assert first.count("none") == 4
    for cell in ("2026-02-28", "positions (max_positions 14,", "+0.300%, 0.05", "+0.250%, 0.10"):
        assert cell in second
    assert "│ 1 " in said("history", "sparsenn_small")


@pytest.mark.parametrize(
    ("version", "fault"), [(1, "counts a missing value as a value of 0"), (2, "without bound")]
)
def test_a_version_with_a_fault_says_so_wherever_it_is_shown(said, fleet, version, fault):
    shown = said("show", f"sparsenn_small@{version}")
    card = said("card", f"sparsenn_small@{version}", "--fleet", fleet, "--model", "click/feed")
    table = said("history", "sparsenn_small")
    assert "remark: numeric '" in shown
    assert f"version {version}: remark: numeric '" in table
    assert "Remark: numeric '" in card
    for text in (shown, card, table):
        assert fault in " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("name", catalogue)
def test_the_latest_versions_have_no_fault_and_say_why_they_were_made(said, fleet, name):
    latest = history(name)[-1]
    assert latest.parent == latest.number - 1
    assert "remark" not in said("show", name)
    assert f"version {latest.number}: remark" not in said("history", name)
    assert latest.run is not None
    # One that only exposes has its parent's networks: nothing to back-test, but a reason.
    made, exposing = history(name)[-2:] if not latest.techniques else (latest, None)
    assert exposing is None or exposing.notes in " ".join(said("history", name).split())
    assert all(technique.name in said("history", name) for technique in made.techniques)
    assert made.backtest is not None
    assert made.backtest.growth is not None
    assert "Remark" not in said("card", name, "--fleet", fleet, "--model", "click/feed")


def test_a_card_is_printed_and_written(said, fleet, tmp_path):
    out = tmp_path / "card.md"
    shown = said(
        "card", "sparsenn_small@1", "--fleet", fleet, "--model", "click/feed", "--out", out
    )
    text = out.read_text()
    assert text.startswith("# click/feed\n\nTemplate sparsenn_small, version 1 (content ")
    assert "| rows | surface = 0 |" in text
    for word in ("click/feed", "surface = 0", "user, item, category", "FLOPs an example"):
        assert word in shown


def test_wrong_names_are_one_sentence_and_exit_code_2(refused, fleet, tmp_path):
    card = ("card", "sparsenn_small", "--fleet", fleet, "--model")
    assert "did you mean 'sparsenn_small'?" in refused("show", "sparsen_small")
    assert "no version 7; its versions: 1, 2" in refused("diff", "sparsenn_small", 1, 7)
    assert "unknown template 'x'" in refused("history", "x")
    assert "'clik/feed'; the nearest names are click/feed" in refused(*card, "clik/feed")
    assert f"{tmp_path / 'no.yaml'}: no such file" in refused("show", tmp_path / "no.yaml")


def test_a_file_edited_by_hand_is_refused(refused, folder):
    path = folder / "t" / "v2.yaml"
    path.write_text(path.read_text().replace("batch_size: 512", "batch_size: 511"))
    message = f"{path} was changed after it was written"
    assert message in refused("show", path)
    assert message in refused("diff", "t", 1, 2, "--folder", folder)
    assert message in refused("history", "t", "--folder", folder)


def test_the_command_itself_loads_nothing_heavy():
    code = (
        "import sys, types, smt\n"
        "package = types.ModuleType('smt.template')\n"
        "package.__path__ = [f'{smt.__path__[0]}/template']\n"
        "sys.modules['smt.template'] = package\n"
        "import smt.template.__main__\n"
        "print('LOADED', sorted({'torch', 'ray', 'ax', 'pyarrow'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stdout


def test_every_command_takes_a_folder_of_ones_own_by_its_uri(said, folder, fleet):
    own = ("--folder", folder.as_uri())
    assert "version 2, written 2026-02-28" in said("show", "t", *own)
    assert "features.position_weighting" in said("diff", "t", 1, 2, *own)
    assert "│ 2 " in said("history", "t", *own)
    card = said("card", "t@1", *own, "--fleet", fleet, "--model", "click/feed")
    assert "Template t, version 1 (content " in card
