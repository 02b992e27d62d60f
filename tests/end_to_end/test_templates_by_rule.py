"""A fleet whose rules give every model its own template: a search, and a launch."""

import json

import pytest
from launches import rows_of
from scripts import FLEET, generalize_by_rules, run_script

RULES = """
templates:
- {template: decoupled_sparsenn_small@1, stages: [retrieval]}
- {template: sparsenn_small@2, stages: [ranking], least_weight: 3}
- {template: sparsenn_small@1, stages: [ranking]}
models:
"""


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    path = tmp_path_factory.mktemp("ruled") / "fleet.yaml"
    path.write_text(FLEET.replace("\nmodels:\n", RULES))
    return path


def test_theta_changes_each_models_own_template_where_the_technique_fits_it(
    cluster, ruled, tmp_path
):
    techniques = ("--techniques", "label_smoothing", "target_attention")
    run = generalize_by_rules(
        ruled,
        tmp_path / "run",
        *(*techniques, "--representatives", "3", "--trials", "2", "--capacity", "free"),
    )
    result = json.loads((run.out / "result.json").read_text())
    assert result["model_templates"] == {
        "view-all": "sparsenn_small@2",
        "click-retrieval": "decoupled_sparsenn_small@1",
        "view-feed": "sparsenn_small@1",
    }
    smoothing, attention = ({*technique["shown"]["deltas"]} for technique in result["techniques"])
    assert smoothing == {"view-all", "click-retrieval", "view-feed"}
    assert attention == {"view-all", "view-feed"}
    assert "target_attention: searched on 2 of 3 representatives" in " ".join(run.stdout.split())
    assert "searched on 2 of 3" in (run.out / "report.html").read_text()


def test_a_launch_makes_every_model_from_its_own_template(cluster, ruled, tmp_path):
    run_script("instantiate.py", "--fleet", ruled, "--out", tmp_path / "launch")
    made = {
        row["model"]: (row["template"], row["baseline"]) for row in rows_of(tmp_path / "launch")
    }
    assert made == {
        "view-all": ("sparsenn_small@2", "sparsenn_small@1"),
        "click-retrieval": ("decoupled_sparsenn_small@1", None),
        "view-feed": ("sparsenn_small@1", None),
    }
    result = json.loads((tmp_path / "launch" / "result.json").read_text())
    assert result["templates"] == {
        "sparsenn_small@2": ["sparsenn_small@1"],
        "decoupled_sparsenn_small@1": [],
        "sparsenn_small@1": [],
    }
    assert result["delta"]["models"] == 1
    assert "3 templates" in (tmp_path / "launch" / "report.html").read_text()
