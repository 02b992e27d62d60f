"""Learning-rate schedules as a factor of the step."""

import math

from smt.template.training import ConstantRate, WarmupCosine


def rate_factor(schedule: ConstantRate | WarmupCosine, step: int, steps: int) -> float:
    """What the learning rates are multiplied by at `step` of `steps` (0-based)."""
    if isinstance(schedule, ConstantRate):
        return 1.0
    warmup_steps = schedule.warmup * steps
    if step < warmup_steps:
        return schedule.peak * (step + 1) / (warmup_steps + 1)
    progress = (step - warmup_steps) / max(steps - warmup_steps, 1)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return schedule.peak * (schedule.final + (1 - schedule.final) * cosine)
