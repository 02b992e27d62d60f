import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from smt.errors import InputError
from smt.serving import export_model as export_module
from smt.serving import load_exported
from smt.serving.export_model import ExportedModel, export_model
from smt.training import paired_delta
from smt.training.windows import read_groups

SCRIPT = Path(__file__).parents[2] / "experiments" / "export_model.py"
FLEET = """
name: tiny
log: {simulator: {rows: 3000, num_users: 300, num_items: 200}}
stages:
  ranking: {features: [user, item_price, item_tags], limits: {flops: 100}}
surfaces:
  all: {}
data_constraints:
  full: {}
models:
- {name: click-all, stage: ranking, events: [click], surface: all, data_constraint: full}
"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("export_model", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # Dataclasses look for their module there.
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def fleet(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(FLEET)
    return str(path)


@pytest.fixture
def template(tmp_path, small_template):
    # The gate refuses, where training would not start.
    int8 = small_template.change("serving", table_precision="int8", enforce_flops_limit=False)
    path = tmp_path / "int8.yaml"
    int8.dump(path)
    return str(path)


def test_a_model_is_trained_exported_and_judged(script, fleet, template, tmp_path, capsys):
    out = tmp_path / "out"
    script.main(script.Config(str(out), "click-all", fleet, template=template, batches=1))
    result = json.loads((out / "result.json").read_text())
    assert "does not ship: FLOPs" in capsys.readouterr().out
    assert not result["gate"]["passed"]
    assert result["gate"]["reasons"][0].endswith("exceed the model's limit 100")
    assert result["export"]["precision"] == "int8"
    assert result["ne"]["served"] == pytest.approx(result["ne"]["trained"], rel=1e-2)
    assert abs(result["delta"]["value"]) < 1.0
    assert load_exported(out).inputs.features == ("item_price", "user", "item_tags")


def test_the_standard_error_of_serving_is_clustered_as_everywhere(
    tmp_path, small_log, small_model, small_template, monkeypatch
):
    groups = read_groups(small_model, small_log)
    assert groups is not None
    given = []

    def compare(before, after, clusters):
        given.append(clusters)
        return paired_delta(before, after, clusters)

    monkeypatch.setattr(export_module, "paired_delta", compare)
    monkeypatch.setattr(export_module, "open_logs", lambda _: {small_model.log: small_log})
    exported = export_model(small_template, small_model, tmp_path, batches=1)
    assert np.array_equal(*given, groups)
    assert ExportedModel.load(tmp_path / "result.json") == exported


def test_a_baseline_without_costs_is_refused(script, fleet, tmp_path):
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"result\.json: 'ServingCost'"):
        script.main(
            script.Config(str(tmp_path), "click-all", fleet, baseline=str(tmp_path / "result.json"))
        )
