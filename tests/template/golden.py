"""Pin what every template version builds: `python tests/template/golden.py`.

Writes golden/NAME-vN.json for each version that has none: its parameters' shapes, its FLOPs
and its loss on the first batch of a simulated log. Old files are never rewritten, because a
version builds the same network for ever; where the simulator or the initial values were
changed on purpose, delete the files, and write them again.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data import Log, read_batches
from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import ModelSpec
from smt.layers.initialize import initialize
from smt.template import Template, build, count_flops
from smt.template.versions import TEMPLATES, Version, history

FOLDER = Path(__file__).parent / "golden"
MODEL = ModelSpec(
    name="golden",
    stage="ranking",
    events=("click", "like"),
    surface="all",
    data_constraint="full",
    log="small",
    features=(
        *("user", "item", "segment", "advertiser", "category", "hour", "surface", "region"),
        *("user_age", "user_activity", "item_price", "item_quality", "item_age_days"),
        *("user_interests", "item_tags", "item_content", "history"),
    ),
)


def all_versions() -> list[Version]:
    """Every version in the package."""
    names = sorted(each.name for each in TEMPLATES.iterdir() if each.is_dir())
    return [version for name in names for version in history(name)]


def golden_path(version: Version, folder: Path = FOLDER) -> Path:
    """Where a version's network is pinned."""
    return folder / f"{version.name}-v{version.number}.json"


def measure(template: Template) -> dict[str, Any]:
    """What is pinned of a template's network."""
    log = small_log()
    network = build(template, MODEL, log.schema)
    initialize(network, seed=0)
    batch = next(
        read_batches(
            log.train,
            log.schema,
            features=network.features,
            events=network.labels,
            batch_size=256,
            steps=network.reads_steps,
        )
    )
    network.fit(batch)
    with torch.no_grad():
        logits = network.train()(batch)[:, : len(network.labels)]
    loss = binary_cross_entropy_with_logits(logits.double(), batch.labels.double())
    return {
        "flops": count_flops(template, MODEL, log.schema),
        "loss": float(f"{float(loss):.8g}"),
        "parameters": {name: [*value.shape] for name, value in network.named_parameters()},
    }


@cache
def small_log() -> Log:
    """4,000 simulated rows."""
    return Simulator(SimulatorSpec(rows=4_000, num_users=300, num_items=200)).log()


def write_missing(folder: Path) -> list[Path]:
    """Pin the versions that are not pinned yet."""
    folder.mkdir(exist_ok=True)
    written = []
    for version in all_versions():
        path = golden_path(version, folder)
        if not path.exists():
            path.write_text(_one_line_each(measure(version.template)))
            written.append(path)
    return written


def _one_line_each(found: dict[str, Any]) -> str:
    shapes = [f"    {json.dumps(n)}: {shape}" for n, shape in found["parameters"].items()]
    head = f'{{\n  "flops": {found["flops"]},\n  "loss": {found["loss"]},\n  "parameters": {{\n'
    return head + ",\n".join(shapes) + "\n  }\n}\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in write_missing(FOLDER):
        print(each)
