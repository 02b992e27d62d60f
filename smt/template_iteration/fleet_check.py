"""Whether a version's networks can be served, counted before anything is trained."""

from collections.abc import Collection, Iterator, Sequence

from smt.fleet import Excess, ModelSpec, log_schema
from smt.results.integration import Misfit
from smt.serving import measure_serving
from smt.template import Template, build
from smt.template.fleet_costs import CostCounter, NetworkCost, broken_limits


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
        self._counter = CostCounter(models)
        broken = {misfit.model for misfit in self._check(parent, models)}
        self._models = [model for model in models if model.name not in broken]

    def misfits(self, template: Template) -> tuple[Misfit, ...]:
        """In the fleet's order, one a limit that is broken."""
        return tuple(self._check(template, self._models))

    def _check(self, template: Template, models: Sequence[ModelSpec]) -> Iterator[Misfit]:
        for model in models:
            cost = self._counter.count(template, model)
            if isinstance(cost, str):
                reason = f"its network cannot be built: {cost}"
                yield Misfit(model=model.name, reason=reason, excess=None)
            else:
                yield from self._compare(template.for_model(model), model, cost)

    def _compare(self, template: Template, model: ModelSpec, cost: NetworkCost) -> Iterator[Misfit]:
        excesses = [*broken_limits(template, model, cost), *self._slow(template, model)]
        for excess in excesses:
            reason = f"it needs {excess.needed}, its limit is {excess.allowed}"
            yield Misfit(model=model.name, reason=reason, excess=excess.percent)

    def _slow(self, template: Template, model: ModelSpec) -> tuple[Excess, ...]:
        """A limit of latency that it breaks, of a model whose latency is measured."""
        limits = model.limits.tighter(template.serving.limits)
        if limits.latency_ms is None or model.name not in self._timed:
            return ()
        network = build(template, model, log_schema(model.log))
        return limits.exceeded(latency_ms=measure_serving(network, template).latency_ms)
