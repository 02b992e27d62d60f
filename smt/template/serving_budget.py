"""What serving a fleet costs under its templates and under changed ones, counted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch

from smt.capacity import Capacity
from smt.data import Schema
from smt.errors import InputError, sentence
from smt.fleet import ModelSpec, log_name, log_schema
from smt.fleet.budget import FleetCost, Growth
from smt.fleet.limits import Excess
from smt.spec import digest
from smt.template.build_network import build
from smt.template.flops import count_flops
from smt.template.served_bytes import count_bytes
from smt.template.template import Template


class NetworkCost(NamedTuple):
    """Of one model: FLOPs of an example, and bytes of parameters and buffers."""

    flops: int
    bytes: int


class CostCounter:
    """Counts what networks cost to serve: what alike ones share, once."""

    def __init__(self, models: Sequence[ModelSpec]) -> None:
        """Read the schemas of these models' logs."""
        sources = {log_name(model.log): model.log for model in models}
        self._schemas: dict[str, Schema] = {
            name: log_schema(source) for name, source in sources.items()
        }
        self._counted: dict[tuple[object, ...], NetworkCost | str] = {}
        self._flops: dict[tuple[object, ...], int] = {}

    def count(self, template: Template, model: ModelSpec) -> NetworkCost | str:
        """The cost, or why there is no network."""
        return self.count_all([(template, model)])[0]

    def count_all(self, pairs: Iterable[tuple[Template, ModelSpec]]) -> list[NetworkCost | str]:
        """Those of many, most of which share a template."""
        shaped: dict[tuple[object, ...], tuple[Template, _Shape]] = {}
        costs: list[NetworkCost | str] = []
        # A list keeps all templates alive, so that none takes another's id.
        for template, model in [*pairs]:
            key = (id(template), *sorted(model.hyperparameters.items()))
            if key not in shaped:
                try:
                    own = template.for_model(model)
                except InputError as error:
                    costs.append(str(error))
                    continue
                shaped[key] = own, _Shape.of(own)
            plain = model.model_copy(update={"hyperparameters": {}})
            costs.append(self._count_once(*shaped[key], plain))
        return costs

    def _count_once(
        self, template: Template, shape: "_Shape", model: ModelSpec
    ) -> NetworkCost | str:
        # Models that read the same features for as many events share a network's shape; which
        # events those are says only what an entire-space chain adds to them.
        chained = template.architecture.entire_space
        events = model.events if chained else len(model.events)
        inputs = (log_name(model.log), model.features, events)
        if (shape.network, *inputs) not in self._counted:
            cost = self._count(template, model, (shape.products, *inputs))
            self._counted[shape.network, *inputs] = cost
        return self._counted[shape.network, *inputs]

    def _count(
        self, template: Template, model: ModelSpec, products: tuple[object, ...]
    ) -> NetworkCost | str:
        schema = self._schemas[log_name(model.log)]
        try:
            # Networks draw initial values: nobody's draws are to depend on what was counted before.
            with torch.random.fork_rng(devices=[]):
                network = build(template, model, schema, torch.device("meta"))
                if products not in self._flops:
                    self._flops[products] = count_flops(template, model, schema)
            served = count_bytes(network, template.serving.table_precision)
            return NetworkCost(self._flops[products], served.tables + served.dense)
        except InputError as error:
            return str(error)
        except (MemoryError, RuntimeError) as error:
            return sentence(error)


class _Shape(NamedTuple):
    """Digests of what a template's networks cost by.

    Attributes:
        network: Of all that their cost depends on.
        products: Of what their FLOPs do: no table's rows, nor what tables are kept in.
    """

    network: str
    products: str

    @classmethod
    def of(cls, template: Template) -> Self:
        fields = template.to_dict()
        data = {name: fields["data"][name] for name in ("auxiliary", "past_rates", "enrichments")}
        # What features and data have that is no whole number weighs and decays; it counts nothing.
        features = _without_weights(fields["features"])
        computed = {
            "paradigm": fields["paradigm"],
            "architecture": fields["architecture"],
            "data": _without_weights(data),
        }
        rows = {"hashing": None, "crosses": features["crosses"] and features["crosses"]["count"]}
        kept = {"optimizer": template.training.table_optimizer, "serving": fields["serving"]}
        return cls(
            network=digest({**computed, **kept, "features": features}),
            products=digest({**computed, "features": {**features, **rows}}),
        )


def _without_weights(fields: Any) -> Any:
    """Plain data, in which all numbers that are no whole ones are alike."""
    if isinstance(fields, dict):
        return {name: _without_weights(value) for name, value in fields.items()}
    if isinstance(fields, list):
        return [_without_weights(value) for value in fields]
    return "a weight" if isinstance(fields, float) else fields


def broken_limits(template: Template, model: ModelSpec, cost: NetworkCost) -> tuple[Excess, ...]:
    """The limits of FLOPs (where the template enforces theirs) and bytes that a model breaks."""
    limits = model.limits.tighter(template.serving.limits)
    flops = cost.flops if template.serving.enforce_flops_limit else None
    return limits.exceeded(flops=flops, bytes=cost.bytes)


class ServingBudget:
    """What a fleet may cost to serve, against what it costs today.

    Models that have no network under their template, or break their limits, are left out.
    """

    def __init__(
        self, models: Sequence[ModelSpec], today: Mapping[str, Template], capacity: Capacity
    ) -> None:
        """Count what the fleet costs today.

        Args:
            models: The fleet.
            today: Model -> the template that it is built from.
        """
        self.capacity = capacity
        self._counter = CostCounter(models)
        self._today: dict[str, NetworkCost] = {}
        self._models: list[ModelSpec] = []
        costs = self._counter.count_all((today[model.name], model) for model in models)
        for model, cost in zip(models, costs, strict=True):
            template = today[model.name]
            if isinstance(cost, NetworkCost) and not broken_limits(template, model, cost):
                self._today[model.name] = cost
                self._models.append(model)
        self._before = self._total(self._today)

    def growth(self, changed: Mapping[str, Template]) -> Growth:
        """By how much the fleet becomes dearer where these models get these templates."""
        return self._growth(self._counted(changed))

    def refusal(self, changed: Mapping[str, Template]) -> str | None:
        """Why these templates cost too much to serve, in a clause; None where they do not.

        They do where the fleet grows by more than its capacity, or a model above its limits. Of a
        free capacity nothing does: a model above its limits fails where it is trained.
        """
        if self.capacity == "free":
            return None
        counted = self._counted(changed)
        for model, cost in counted:
            for excess in broken_limits(changed[model.name], model, cost):
                return f"model '{model.name}': {excess}"
        excess_of_fleet = self._growth(counted).excess(self.capacity)
        return None if excess_of_fleet is None else f"the fleet's {excess_of_fleet}"

    def _counted(self, changed: Mapping[str, Template]) -> list[tuple[ModelSpec, NetworkCost]]:
        """The models that these templates build a network for."""
        models = [model for model in self._models if model.name in changed]
        costs = self._counter.count_all((changed[model.name], model) for model in models)
        pairs = zip(models, costs, strict=True)
        return [(model, cost) for model, cost in pairs if isinstance(cost, NetworkCost)]

    def _growth(self, counted: Sequence[tuple[ModelSpec, NetworkCost]]) -> Growth:
        after = {model.name: cost for model, cost in counted}
        # A model without a network fails where it is built; here it costs what it does today.
        return self._total({**self._today, **after}).growth_from(self._before)

    def _total(self, costs: Mapping[str, NetworkCost]) -> FleetCost:
        weights = [model.weight for model in self._models]
        return FleetCost.over([costs[model.name] for model in self._models], weights)
