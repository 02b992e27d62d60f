"""Quality on a value: templates beside boosted trees on seconds watched, in one pass over KuaiRand.

All are trained on the same rows with the same features and judged with frozen weights on the test
window, by the Tweedie deviance of power 1.5 over that of predicting the training window's mean.
Trees see their peer's inputs of `benchmarks/peers/boosted_trees.py`; no setting of anything was
searched for this label. Prints a table and a JSON line last:

  losses   system -> normalized deviance, mean over seeds
  behind   Percent by which the best template is behind the best peer (negative: ahead)

It takes five minutes on one core. Needs the extra `bench`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from peers.boosted_trees import ENCODED, boost, encoded_matrices, plain_matrices
from peers.shared import Split
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_tweedie_deviance

from smt.command_line import open_console, run
from smt.data import Log, open_log
from smt.fleet import ModelSpec, model_columns
from smt.template import load_version
from smt.training import train

Floats = NDArray[np.float64]
POWER = 1.5
TWEEDIE = {"objective": "tweedie", "tweedie_variance_power": POWER}
# Trees may predict 0, of which a deviance may be infinite.
LEAST = 1e-6


@dataclass(frozen=True)
class Config:
    """What is compared.

    Attributes:
        log: A prepared KuaiRand log.
        event: A value of it.
        templates: By name, their first versions.
        seeds: Networks of each template.
    """

    log: str = "data/kuairand"
    event: str = "play_time"
    templates: tuple[str, ...] = ("sparsenn_small", "sparsenn_medium", "sparsenn_large")
    seeds: int = 2


def main(config: Config) -> None:
    """Train, judge, compare."""
    torch.set_num_threads(1)
    log, console = open_log(config.log), open_console()
    model = _model(config, log)
    loaded = log.load(model_columns(model, log.schema))
    past, future = (
        window[config.event].to_numpy().astype(np.float64) for window in (loaded.train, loaded.test)
    )
    background = mean_tweedie_deviance(past, np.full(len(past), past.mean()), power=POWER)

    def judged(predictions: Floats) -> float:
        found = mean_tweedie_deviance(future, np.maximum(predictions, LEAST), power=POWER)
        return float(found / background)

    losses = {"constant": judged(np.full(len(future), past.mean()))}
    templates = {}
    for name in config.templates:
        template = load_version(name, 1).change("training", judge="frozen")
        seeds = [train(template, model, loaded, seed=seed).ne for seed in range(config.seeds)]
        templates[name] = fmean(seeds)
        console.print(f"{name}: {templates[name]:.4f}", highlight=False)
    split = Split.load(log, log.schema.features, config.event)
    peers = {}
    for name, predict in PEERS.items():
        peers[name] = judged(predict(split))
        console.print(f"{name}: {peers[name]:.4f}", highlight=False)
    losses |= templates | peers
    table = Table("system", "normalized deviance", title=f"{config.event}, frozen test window")
    for name, loss in sorted(losses.items(), key=lambda pair: pair[1]):
        table.add_row(name, f"{loss:.4f}")
    console.print(table)
    behind = 100 * (min(templates.values()) / min(peers.values()) - 1)
    print(json.dumps({"losses": losses, "behind": behind}))


def _model(config: Config, log: Log) -> ModelSpec:
    return ModelSpec(
        name=config.event,
        stage="ranking",
        events=(config.event,),
        surface="all",
        data_constraint="full",
        log=config.log,
        features=log.schema.features,
    )


def lightgbm(split: Split) -> Floats:
    """LightGBM as it comes."""
    return boost(plain_matrices(split), TWEEDIE)


def lightgbm_encoded(split: Split) -> Floats:
    """LightGBM on ids as the mean values of earlier rows."""
    return boost(encoded_matrices(split), {**ENCODED, **TWEEDIE})


def hist_gradient_boosting(split: Split) -> Floats:
    """scikit-learn's trees on the same; their Poisson deviance allows for zeros."""
    matrices = encoded_matrices(split)
    labels = matrices.batch.labels.squeeze(1).numpy()
    trees = HistGradientBoostingRegressor(loss="poisson", random_state=0)
    predicted: Floats = trees.fit(matrices.train, labels).predict(matrices.test)
    return predicted


PEERS: dict[str, Callable[[Split], Floats]] = {
    "lightgbm": lightgbm,
    "lightgbm_encoded": lightgbm_encoded,
    "hist_gradient_boosting": hist_gradient_boosting,
}


if __name__ == "__main__":
    run(main, Config)
