"""A model's own values of what its template exposes (§3.2.2), chosen before it is trained.

The end of the training window is held out: candidates learn from the rows before it and are
compared on its rows, so the test window, by which the model is gated, chooses nothing. The best
must prove itself once more, on rows further back and from another seed: the standard error of one
comparison holds the noise of its rows alone, not that of training.
"""

import math
from collections.abc import Hashable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from scipy.special import ndtri

from smt.data import Log, expression
from smt.errors import InputError, sentence
from smt.fleet import ModelSpec
from smt.mmo import Trial, aggregate, optimize
from smt.model_iteration.instance import Hyperparameters, Job, Tuning
from smt.results.launch_settings import CONFIRMING
from smt.seeds import tuning_confirmation
from smt.space import Domain, Theta, drop_inactive
from smt.template import Choice, Template
from smt.template.card import model_card
from smt.training import DivergedError, Outcome, paired_delta, train
from smt.training.judged_rows import judged_rows

VALIDATION_SHARE = 0.2
"""Of the model's training rows, the latest, on which candidates are compared."""

FALSE_CHOICE = 0.05
"""The chance to take luck with a comparison's rows for a gain."""


def tune(job: Job, log: Log) -> tuple[ModelSpec, Tuning | None]:
    """Search the exposed hyperparameters that the model does not set, one network at a time.

    The defaults are evaluated first, and are left only for what is surely better on the
    validation rows, for the one that `surely` gains most, and is again in a second comparison: on
    as many rows before those, with the next seed. An interrupted search begins anew, as the model
    is the unit of a launch.

    Returns:
        The model with the hyperparameters that were chosen, and how; the model as it is, and
        None, where nothing is searched.

    Raises:
        InputError: The model sets what is not exposed, or a value outside its domain.
    """
    template, model = job.template, job.model
    own = template.for_model(model)
    default = {name: own.value(name) for name in own.exposed if name not in model.hyperparameters}
    if not (job.tune_evaluations and default):
        return model, None
    excess = model_card(template, model, log.schema).excess
    if excess:
        remark = f"not tuned, as its defaults break a limit: {' and '.join(excess)}"
        return model, Tuning(choice="failed", default=default, evaluations=0, remark=remark)
    try:
        # Judged rows gate the model, so they choose nothing.
        unjudged = judged_rows(own, model, log).log
        held = unjudged.hold_out(VALIDATION_SHARE, model.filter)
        _check_labels(model, held)
        before = train(template, model, held, seed=job.seed)
    except (DivergedError, InputError) as error:
        remark = f"not tuned, as its defaults failed on the validation rows: {sentence(error)}"
        return model, Tuning(choice="failed", default=default, evaluations=1, remark=remark)
    return _search(job, default, held, before)


def surely(delta: float, sem: float, compared: int) -> float:
    """What a candidate surely gains over the defaults, percent: the lower end of Δ's interval.

    Where none of the candidates differs from the defaults, the chance that it is above 0 for any
    is at most `FALSE_CHOICE`, if their errors are independent (Šidák): it is Δ less 1.6 standard
    errors for one candidate, less 2.4 for seven. The standard error is of the rows: what another
    seed would change is not in it.
    """
    return delta - float(ndtri((1 - FALSE_CHOICE) ** (1 / compared))) * sem


def _search(
    job: Job, default: Hyperparameters, held: Log, before: Outcome
) -> tuple[ModelSpec, Tuning]:
    """Compare candidates with the defaults.

    By the method "composite": on quadratics in 1 to 3 hyperparameters it came nearer to the
    optimum with 8 evaluations and more than "sobol" and "tpe" did, for less than a second a
    candidate. With fewer all are quasi-random; its surrogate begins once six are known.
    """
    template, model = job.template, job.model
    fixed = {name: Choice([value]) for name, value in model.hyperparameters.items()}
    space: dict[str, Domain] = {**template.exposed, **fixed}
    tried: list[tuple[Theta, float, float]] = []

    def evaluate(theta: Theta, _: Hashable) -> tuple[float, float]:
        candidate = model.model_copy(update={"hyperparameters": theta})
        if template.for_model(candidate) == template.for_model(model):
            return 0.0, 0.0
        delta, sem = _compare(template, candidate, held, before, job.seed)
        tried.append((theta, delta, sem))
        return delta, sem

    zero = drop_inactive({**default, **model.hyperparameters}, space)
    # One model's deltas are to be maximised, whatever their sign: none is a regression.
    optimize(
        space,
        evaluate,
        models=[model.name],
        trials=job.tune_evaluations - 1 - CONFIRMING,
        epsilon=1.0,
        seed=job.seed,
        earlier=[Trial(zero, (0.0,), (0.0,), aggregate([0.0]))],
    )
    known = [(theta, delta, sem) for theta, delta, sem in tried if not math.isnan(delta)]
    tuning = Tuning(
        choice="kept",
        default=default,
        evaluations=1 + len(tried),
        failures=len(tried) - len(known),
    )
    if not known:
        return model, tuning
    theta, delta, sem = max(known, key=lambda other: surely(other[1], other[2], len(tried)))
    tuning = tuning.model_copy(update={"delta": delta, "sem": sem})
    if not surely(delta, sem, len(tried)) > 0:
        return model, tuning
    candidate = model.model_copy(update={"hyperparameters": theta})
    again, again_sem = _confirm(job, candidate, held)
    tuning = tuning.model_copy(update={"evaluations": tuning.evaluations + CONFIRMING})
    if math.isnan(again):
        return model, tuning
    tuning = tuning.model_copy(update={"confirmed_delta": again, "confirmed_sem": again_sem})
    if not surely(again, again_sem, 1) > 0:
        return model, tuning
    return candidate, tuning.model_copy(update={"choice": "chosen"})


def _confirm(job: Job, candidate: ModelSpec, held: Log) -> tuple[float, float]:
    """Δ and its standard error on earlier rows, from another seed; NaN where either fails."""
    seed = tuning_confirmation(job.seed)
    try:
        earlier = held.hold_out(VALIDATION_SHARE / (1 - VALIDATION_SHARE), job.model.filter)
        _check_labels(job.model, earlier)
        before = train(job.template, job.model, earlier, seed=seed)
    # Whatever goes wrong with a candidate is a finding: a width that a table cannot have, memory.
    except Exception:
        return math.nan, math.nan
    return _compare(job.template, candidate, earlier, before, seed)


def _compare(
    template: Template, candidate: ModelSpec, held: Log, before: Outcome, seed: int
) -> tuple[float, float]:
    """Δ and its standard error; NaN of one that diverges, cannot be built or breaks a limit."""
    try:
        if model_card(template, candidate, held.schema).excess:
            return math.nan, math.nan
        after = train(template, candidate, held, seed=seed)
    # Whatever goes wrong with a candidate is a finding: a width that a table cannot have, memory.
    except Exception:
        return math.nan, math.nan
    return paired_delta(before.losses, after.losses, before.groups)


def _check_labels(model: ModelSpec, held: Log) -> None:
    """Raise `InputError` where an event never, or always, happens on one side of the cut."""
    kept = expression(model.filter, held.schema)
    for side, window in (("before the cut", held.train), ("after it", held.test)):
        rows = ds.dataset(window) if isinstance(window, pa.Table) else window
        labels = rows.to_table(columns=list(model.events), filter=kept)
        for event in model.events:
            if pc.count_distinct(labels[event]).as_py() < 2:
                raise InputError(f"event '{event}' has one outcome alone {side}")
