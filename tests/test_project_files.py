import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_hooks_run_what_ci_runs():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    ci = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if "make" in line]
    assert [hook["entry"] for hook in local["hooks"]] == ci
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert {command.removeprefix("make ") for command in ci} <= {*targets}


def test_the_distribution_has_a_name_and_a_licence_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "standard-model-template"
    assert project["license"] == "Apache-2.0"
    assert "Apache License\n" in (ROOT / "LICENSE").read_text()
    assert project["name"] in (ROOT / "README.md").read_text()


def test_the_guide_names_what_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:smt|tests|experiments|benchmarks|findings|\.ci)/[\w/.]*)`", text)
    assert len(named) > 10
    for name in named:
        assert (ROOT / name).exists(), name
