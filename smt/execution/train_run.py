"""An evaluation as a Ray Train run: the one way in which networks are trained."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray import train as ray_train
from ray.exceptions import RayError
from ray.train import CheckpointConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from smt.allocator import keep_freed_memory
from smt.errors import sentence
from smt.execution.attempts import CanceledError
from smt.execution.evaluation import Evaluation, Task
from smt.execution.plan import worker_resources
from smt.template.training import Training
from smt.training import Workers, paired_delta, train


def run_evaluation(
    task: Task,
    log: Any,
    base_losses: Any,
    *,
    own_run: bool = False,
    gpu: bool = False,
    before_step: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Run an evaluation by Ray Train.

    Args:
        log: Object reference of the model's `Log`, which `smt.execution.share_logs` made.
        base_losses: Object reference of the baseline's `[n]` losses; None for a baseline.
        own_run: In processes of its own, as its template asks; else in this one.
        gpu: Whether a run of its own with one worker gets a GPU, asked for or not.
        before_step: Called before every training step, where training is in this process.

    Returns:
        `evaluation`, and `losses` for a baseline that succeeded.
    """
    config = {"task": task, "log": log, "base_losses": base_losses, "before_step": before_step}
    training = task.training if own_run else None
    result: dict[str, Any] = fit(_train_loop, config, training, gpu=gpu)
    return result


@dataclass(frozen=True)
class Storage:
    """Where a Ray Train run keeps its checkpoints, and finds them when it is tried again.

    Attributes:
        path: Folder or URI that every node reaches.
        name: Of the run; a folder there.
    """

    path: str
    name: str


def fit(
    loop: Callable[[dict[str, Any]], Any],
    config: dict[str, Any],
    training: Training | None = None,
    *,
    gpu: bool = False,
    storage: Storage | None = None,
) -> Any:
    """What `loop(config)` returns, run by Ray Train; of several workers, what the first returns.

    Args:
        training: Says how many processes of a run of its own there are, and what each gets; GPUs,
            over NCCL, are untested here. None runs it in this process (Ray Train's local mode).
        gpu: Whether a run of its own with one worker gets a GPU, asked for or not.
        storage: Where checkpoints are kept; nowhere by default.
    """
    workers = 0 if training is None else training.workers
    resources = {"CPU": 1.0} if training is None else worker_resources(training, gpu=gpu)
    on_gpus = "GPU" in resources
    with tempfile.TemporaryDirectory(prefix="smt-train-") as scratch:
        result = TorchTrainer(
            loop,
            train_loop_config=config,
            scaling_config=ScalingConfig(
                num_workers=workers, use_gpu=on_gpus, resources_per_worker=resources
            ),
            torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if on_gpus else "gloo"),
            run_config=RunConfig(
                storage_path=scratch if storage is None else storage.path,
                name=None if storage is None else storage.name,
                checkpoint_config=CheckpointConfig(num_to_keep=1),
            ),
        ).fit()
    return result.return_value


def own_workers() -> Workers:
    """This process's place in its Ray Train run; its one thread, and its GPU, are set."""
    torch.set_num_threads(1)
    keep_freed_memory()
    if torch.cuda.is_available():
        torch.cuda.set_device(ray_train.torch.get_device())
    context = ray_train.get_context()
    return Workers(
        rank=context.get_world_rank(),
        count=context.get_world_size(),
        on_node=context.get_local_world_size(),
    )


def _train_loop(config: dict[str, Any]) -> dict[str, Any]:
    return evaluate(
        config["task"], config["log"], config["base_losses"], own_workers(), config["before_step"]
    )


def evaluate(
    task: Task,
    log: Any,
    base_losses: Any,
    workers: Workers,
    before_step: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Train and measure; a failure is a finding, not an exception.

    The standard error of Δ is clustered where the log's schema says by what.

    Args:
        log, base_losses: Object references, as in `run_evaluation`.

    Raises:
        CanceledError: `before_step` raised it: there is no finding then.
        RayError: The log or the losses were not at hand: it says nothing of the network.
    """
    if task.template is None:
        return {"evaluation": Evaluation.of(task, failure=task.failure)}
    try:
        outcome = train(
            task.template,
            task.model,
            ray.get(log),
            seed=task.seed,
            workers=workers,
            before_step=before_step,
        )
    except (CanceledError, RayError):
        raise
    except Exception as error:
        return {"evaluation": Evaluation.of(task, failure=sentence(error))}
    measured = {
        "ne": outcome.ne,
        "metrics": outcome.metrics,
        "flops": outcome.flops,
        "bytes": outcome.bytes,
        "train_rows": outcome.train_rows,
        "judged_rows": len(outcome.losses),
        "seconds": outcome.seconds,
    }
    if base_losses is None:
        return {"evaluation": Evaluation.of(task, **measured), "losses": outcome.losses}
    delta, sem = paired_delta(ray.get(base_losses), outcome.losses, outcome.groups)
    return {"evaluation": Evaluation.of(task, delta=delta, sem=sem, **measured)}
