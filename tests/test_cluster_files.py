"""The cluster files against Ray's own schema; nothing is started."""

from pathlib import Path

import pytest
import ray
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[1]
FILE = ROOT / "cluster.yaml"
VARIANT = "# provider: {type: gcp"


def on_aws():
    return yaml.safe_load(FILE.read_text())


def on_gcp():
    """The file with the keys of the variant that its comment shows."""
    text = FILE.read_text()
    shown = text[text.index(VARIANT) :].splitlines()
    assert all(line.startswith("#") for line in shown)
    return {**on_aws(), **yaml.safe_load("\n".join(line[2:] for line in shown))}


def kuberay():
    return yaml.safe_load((ROOT / "kuberay.yaml").read_text())


@pytest.mark.parametrize("config", [on_aws, on_gcp])
def test_the_cluster_is_one_that_rays_launcher_takes(config):
    prepared = prepare_config(config())
    validate_config(prepared)
    assert prepared["provider"]["type"] == config.__name__.removeprefix("on_")
    with pytest.raises(ValidationError, match="max_wokers"):
        validate_config({**prepared, "max_wokers": 3})


@pytest.mark.parametrize("config", [on_aws, on_gcp])
def test_it_has_a_head_that_trains_nothing_and_groups_on_spot_that_grow_from_none(config):
    types = config()["available_node_types"]
    assert types["head"]["resources"]["CPU"] == 0
    assert types["cpu"]["min_workers"] == types["gpu"]["min_workers"] == 0
    assert types["gpu"]["resources"]["GPU"] == 1
    assert sum(types[name]["max_workers"] for name in ("cpu", "gpu")) <= config()["max_workers"]
    for name in ("cpu", "gpu"):
        assert "spot" in str(types[name]["node_config"]).lower()
    assert "spot" not in str(types["head"]["node_config"]).lower()


def test_machines_have_this_ray_and_the_projects_pins():
    config = on_aws()
    images = [config["docker"]["image"], config["available_node_types"]["gpu"]["docker"]]
    assert all(f"ray:{ray.__version__}-py311" in str(image) for image in images)
    commands = [
        *config["setup_commands"],
        *config["available_node_types"]["gpu"]["worker_setup_commands"],
    ]
    assert all("--constraint constraints.txt" in command for command in commands)
    assert kuberay()["spec"]["rayVersion"] == ray.__version__


def test_the_kubernetes_cluster_has_the_same_groups():
    spec, types = kuberay()["spec"], on_aws()["available_node_types"]
    assert spec["enableInTreeAutoscaling"]
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    groups = {group["groupName"]: group for group in spec["workerGroupSpecs"]}
    assert set(groups) == {"cpu", "gpu"}
    for name, group in groups.items():
        assert group["minReplicas"] == types[name]["min_workers"]
        assert group["maxReplicas"] == types[name]["max_workers"]
        (container,) = group["template"]["spec"]["containers"]
        limits = container["resources"]["limits"]
        assert limits["cpu"] == types[name]["resources"]["CPU"]
        assert limits.get("nvidia.com/gpu", 0) == types[name]["resources"].get("GPU", 0)
