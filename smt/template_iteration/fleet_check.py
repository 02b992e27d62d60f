"""Whether a version's networks can be served, counted before anything is trained."""

from collections.abc import Collection, Iterator, Sequence

from smt.data import Schema
from smt.errors import InputError
from smt.fleet import ModelSpec, log_name, log_schema
from smt.results.integration import Misfit
from smt.serving import measure_serving
from smt.template import Template, build
from smt.template.card import model_card

# What is limited: the attribute of `ServingLimits`, and how a person reads it.
_UNITS = {"flops": "FLOPs an example", "bytes": "bytes", "latency_ms": "ms of p99 latency"}


class FleetCheck:
    """Finds the models of a fleet that a template cannot serve.

    FLOPs (where the template enforces their limit) and bytes are counted for every model;
    latency is measured, with initial values, where it is asked for and has a limit. What the
    parent cannot serve either is no finding.
    """

    def __init__(
        self, parent: Template, models: Sequence[ModelSpec], *, timed: Collection[str] = ()
    ) -> None:
        """Check the parent.

        Args:
            models: The fleet.
            timed: Names of those whose latency is measured.
        """
        self._timed = timed
        self._schemas: dict[str, Schema] = {}
        for model in models:
            name = log_name(model.log)
            if name not in self._schemas:
                self._schemas[name] = log_schema(model.log)
        broken = {each.model for each in self._check(parent, models)}
        self._models = [model for model in models if model.name not in broken]

    def misfits(self, template: Template) -> tuple[Misfit, ...]:
        """In the fleet's order, one a limit that is broken."""
        return tuple(self._check(template, self._models))

    def _check(self, template: Template, models: Sequence[ModelSpec]) -> Iterator[Misfit]:
        counted: dict[tuple[object, ...], dict[str, int] | str] = {}
        for model in models:
            # Models that read the same features for the same events share a network.
            own = tuple(sorted(model.hyperparameters.items()))
            inputs = (log_name(model.log), model.features, model.events, own)
            if inputs not in counted:
                counted[inputs] = _count(template, model, self._schemas[log_name(model.log)])
            costs = counted[inputs]
            if isinstance(costs, str):
                reason = f"its network cannot be built: {costs}"
                yield Misfit(model=model.name, reason=reason, excess=None)
            else:
                yield from self._compare(template.for_model(model), model, costs)

    def _compare(
        self, template: Template, model: ModelSpec, counted: dict[str, int]
    ) -> Iterator[Misfit]:
        limits = model.limits.tighter(template.serving.limits)
        costs: dict[str, float] = {**counted}
        if not template.serving.enforce_flops_limit:
            del costs["flops"]
        if limits.latency_ms is not None and model.name in self._timed:
            network = build(template, model, self._schemas[log_name(model.log)])
            costs["latency_ms"] = measure_serving(network, template).latency_ms
        for what, cost in costs.items():
            limit = getattr(limits, what)
            if limit is not None and cost > limit:
                reason = f"it needs {_said(cost)} {_UNITS[what]}, its limit is {_said(limit)}"
                excess = 100 * (cost / limit - 1)
                yield Misfit(model=model.name, reason=reason, excess=excess)


def _count(template: Template, model: ModelSpec, schema: Schema) -> dict[str, int] | str:
    """FLOPs and bytes, or why there is no network."""
    try:
        card = model_card(template, model, schema)
    except InputError as error:
        return str(error)
    return {"flops": card.flops, "bytes": card.dense_bytes + card.table_bytes}


def _said(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
