"""Whether a version's networks can be served, counted before anything is trained."""

from collections.abc import Collection, Iterator, Sequence

from smt.data import Schema
from smt.errors import InputError
from smt.fleet import ModelSpec, log_name, log_schema
from smt.results.integration import Misfit
from smt.serving import measure_serving
from smt.template import Template, build
from smt.template.card import ModelCard, model_card


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
        sources = {log_name(model.log): model.log for model in models}
        self._schemas = {name: log_schema(source) for name, source in sources.items()}
        broken = {misfit.model for misfit in self._check(parent, models)}
        self._models = [model for model in models if model.name not in broken]

    def misfits(self, template: Template) -> tuple[Misfit, ...]:
        """In the fleet's order, one a limit that is broken."""
        return tuple(self._check(template, self._models))

    def _check(self, template: Template, models: Sequence[ModelSpec]) -> Iterator[Misfit]:
        counted: dict[tuple[object, ...], ModelCard | str] = {}
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

    def _compare(self, template: Template, model: ModelSpec, card: ModelCard) -> Iterator[Misfit]:
        limits = model.limits.tighter(template.serving.limits)
        latency_ms = None
        if limits.latency_ms is not None and model.name in self._timed:
            network = build(template, model, self._schemas[log_name(model.log)])
            latency_ms = measure_serving(network, template).latency_ms
        flops = card.flops if template.serving.enforce_flops_limit else None
        for excess in limits.exceeded(flops=flops, bytes=card.bytes, latency_ms=latency_ms):
            reason = f"it needs {excess.needed}, its limit is {excess.allowed}"
            yield Misfit(model=model.name, reason=reason, excess=excess.percent)


def _count(template: Template, model: ModelSpec, schema: Schema) -> ModelCard | str:
    """The card, or why there is no network."""
    try:
        return model_card(template, model, schema)
    except InputError as error:
        return str(error)
