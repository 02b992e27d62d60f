"""A training over workers, step by step, so that plans can be compared."""

import multiprocessing
from contextlib import contextmanager

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data import open_log
from smt.fleet import ModelSpec
from smt.template import Template
from smt.training.course import device_of, start_course
from smt.training.judged_rows import judged_rows
from smt.training.predict import predict
from smt.training.state import load_training, save_training, saved_step, whole_network
from smt.training.workers import Workers


def start_workers(work, count, out, template, model, path):
    """Run `work(rank, count, out, template, model, path)` in `count` processes until all end."""
    # Their parent imports once what all of them need.
    multiprocessing.set_forkserver_preload(["smt.training"])
    arguments = (count, out, template.to_dict(), model.to_dict(), str(path))
    torch.multiprocessing.start_processes(work, arguments, nprocs=count, start_method="forkserver")


@contextmanager
def joined(backend, rank, count, out, template, model, path):
    """What `train_by` takes after the changes, in one of the processes of `start_workers`.

    Args:
        backend: By which the processes talk.
    """
    torch.set_num_threads(1)
    meet = f"file://{out}/meet-{count}"
    dist.init_process_group(backend, init_method=meet, rank=rank, world_size=count)
    yield (
        Template.parse(template, source="test"),
        ModelSpec.parse(model, source="test"),
        open_log(path),
        Workers(rank, count),
    )
    # All are done with each other before the first one leaves.
    dist.barrier()
    dist.destroy_process_group()


def train_by(changes, template, model, log, workers, *, save=None, after=None):
    """Loss curve of this worker's examples, test logits, the whole network on rank 0.

    Args:
        changes: What the plan changes: the distribution, the training, the features.
        save: After how many steps the training is saved, and where.
        after: The saved training to go on from.
    """
    distribution, training, features = changes
    template = template.change("training", distribution=distribution, **training)
    template = template.change("features", **features)
    first = 0 if after is None else saved_step(after)
    rows = judged_rows(template, model, log)
    course = start_course(template, model, rows, seed=0, workers=workers, first_step=first)
    learners = {"": course.learner}
    if after is not None:
        load_training(learners, after, workers)
    losses = []
    for step, (batch, labels, weights) in enumerate(course.examples, first):
        logits = course.learner.step(step, batch, labels, weights)
        losses.append(float(binary_cross_entropy_with_logits(logits, labels)))
        if save is not None and step + 1 == save[0]:
            save_training(learners, step + 1, save[1], workers)
    network = course.learner.finish()
    found = predict(network, course.network, course.windows, 0.0, device_of())
    whole = whole_network(course.learner.placed, workers)
    return {
        "losses": losses,
        "logits": found.logits,
        "kinds": {type(value).__name__ for value in network.state_dict().values()},
        "whole": {name: value.cpu() for name, value in whole.items()},
        "template": template,
    }
