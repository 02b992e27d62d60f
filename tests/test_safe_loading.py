"""What is read from files runs no code: the sources call no loader that could."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for room in ("smt", "experiments") for path in (ROOT / room).rglob("*.py"))
MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
CALLS = {
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"),
    *("torch.load", "torch.jit.load", "torch.package.PackageImporter"),
    *("np.load", "numpy.load", "pd.read_pickle", "eval", "exec", "compile"),
}
# Each with the reason why what it reads comes from no file.
ALLOWED: set[tuple[str, str]] = set()


def name_of(node):
    """`a.b.c` of a call's function; nothing of what is no plain name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def risks(source):
    """What a source does that could run code out of a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[0] in MODULES:
                yield module
            yield from (
                f"{module}.{each.name}"
                for each in node.names
                if each.name in MODULES or f"{module}.{each.name}" in CALLS
            )
        elif isinstance(node, ast.Call):
            name = name_of(node.func)
            if name in CALLS and not _weights_only(node):
                yield name


def _weights_only(call):
    return any(
        each.arg == "weights_only" and getattr(each.value, "value", None) is True
        for each in call.keywords
    )


def test_no_source_can_run_code_out_of_a_file_it_reads():
    found = {
        (str(path.relative_to(ROOT)), risk) for path in SOURCES for risk in risks(path.read_text())
    }
    assert len(SOURCES) > 100
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("source", "risk"),
    [
        ("import yaml\nyaml.load(x, Loader=yaml.Loader)", ["yaml.load"]),
        ("import torch\ntorch.load(p)", ["torch.load"]),
        ("import torch\ntorch.load(p, weights_only=False)", ["torch.load"]),
        ("import torch\ntorch.load(p, weights_only=True)", []),
        ("from torch import load", ["torch.load"]),
        ("import pickle", ["pickle"]),
        ("from ray import cloudpickle", ["ray.cloudpickle"]),
        ("yaml.safe_load(x)\nmodel.eval()", []),
    ],
)
def test_the_scan_finds_what_it_looks_for(source, risk):
    assert list(risks(source)) == risk
