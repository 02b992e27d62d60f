"""Whether a version's networks can be served, counted before anything is trained."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from smt.fleet import Excess, ModelSpec, log_schema
from smt.fleet.budget import Growth
from smt.results.integration import Misfit
from smt.serving import measure_serving
from smt.template import Template, build
from smt.template.serving_budget import CostCounter, NetworkCost, ServingBudget, broken_limits

Beside = Mapping[str, Template]
NOTHING: Beside = MappingProxyType({})
# Of what serving takes, what a fleet's capacity is of.
QUANTITIES = ("flops", "bytes")


class FleetCheck:
    """Finds the models of a fleet that a template cannot serve.

    FLOPs (where the template enforces their limit) and bytes are counted for every model;
    latency is measured, with initial values, where it is asked for and has a limit. What the
    parent cannot serve either is no finding. Where there is a budget, so is a fleet that would
    cost more, beside the versions of other templates.
    """

    def __init__(
        self,
        parent: Template,
        models: Sequence[ModelSpec],
        *,
        timed: Collection[str] = (),
        budget: ServingBudget | None = None,
    ) -> None:
        """Check the parent.

        Args:
            models: Those of the fleet that are built from it.
            timed: Names of those whose latency is measured.
            budget: Of the whole fleet.
        """
        self._timed, self._budget = timed, budget
        self._built = tuple(models)
        self._counter = CostCounter(models)
        broken = {misfit.model for misfit in self._check(parent, models)}
        self._models = [model for model in models if model.name not in broken]

    def misfits(self, template: Template, beside: Beside = NOTHING) -> tuple[Misfit, ...]:
        """In the fleet's order, one a limit that is broken; the fleet's capacity last.

        Args:
            beside: Model -> what it gets beside this version, of others that are kept.
        """
        return (*self.broken(template), *self.dearer(template, beside))

    def broken(self, template: Template) -> tuple[Misfit, ...]:
        """In the fleet's order, one a limit of a model."""
        return tuple(self._check(template, self._models))

    def dearer(self, template: Template, beside: Beside = NOTHING) -> tuple[Misfit, ...]:
        """The fleet, where it would cost more than its capacity."""
        growth = self.growth(template, beside)
        if growth is None or self._budget is None or self._budget.capacity == "free":
            return ()
        capacity = self._budget.capacity
        reason = growth.excess(capacity)
        if reason is None:
            return ()
        excess = 100 * ((100 + growth.largest) / (100 + capacity) - 1)
        return (Misfit(model=None, reason=f"its {reason}", excess=excess),)

    def growth(self, template: Template, beside: Beside = NOTHING) -> Growth | None:
        """By how much serving the fleet becomes dearer; None without a budget."""
        if self._budget is None:
            return None
        return self._budget.growth({**beside, **{model.name: template for model in self._built}})

    def always_dearer(self, template: Template, others: Sequence[Beside]) -> bool:
        """Whether the fleet would cost too much, whichever other versions are kept beside it.

        Args:
            others: Of each, what models get; no model is in two.
        """
        if self._budget is None or self._budget.capacity == "free":
            return False
        for quantity in QUANTITIES:
            # What versions cost adds up: nothing is cheaper than beside all that save.
            cheapest: dict[str, Template] = {}
            for other in others:
                if getattr(self._budget.growth(other), quantity) < 0:
                    cheapest |= other
            if getattr(self.growth(template, cheapest), quantity) > self._budget.capacity:
                return True
        return False

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
