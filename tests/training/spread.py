"""A training over workers, step by step, so that plans can be compared."""

from torch.nn.functional import binary_cross_entropy_with_logits

from smt.training.course import device_of, start_course
from smt.training.predict import predict
from smt.training.state import load_training, save_training, saved_step, whole_network


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
    course = start_course(template, model, log, seed=0, workers=workers, first_step=first)
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
