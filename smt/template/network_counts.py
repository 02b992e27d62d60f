"""What the six templates' networks cost over the models of a fleet (Fig. 3 of the paper)."""

from dataclasses import dataclass

from smt.fleet import Fleet, ModelSpec, log_name, log_schema
from smt.fleet.model_spec import Stage
from smt.template.card import model_card
from smt.template.catalogue import catalogue
from smt.template.fleet_templates import STAGES
from smt.template.template import Paradigm, Scale


@dataclass(frozen=True)
class Count:
    """What one network costs: a model under a template.

    Attributes:
        fleet: Name of the model's fleet.
        models: How many models of the fleet have this one's stage, features, events and
            hyperparameters, and so its network.
        flops: Of one example.
        dense_parameters: All but tables.
        limit: FLOPs that serving allows the model, where that is limited.
    """

    fleet: str
    model: str
    models: int
    stage: Stage
    template: str
    paradigm: Paradigm
    scale: Scale
    flops: int
    dense_parameters: int
    limit: int | None

    @property
    def over(self) -> bool:
        """Whether the network is larger than the limit."""
        return self.limit is not None and self.flops > self.limit


def count_networks(fleet: Fleet) -> list[Count]:
    """Count every distinct model under each template of the catalogue that is for its stage.

    Models of one stage that read the same features for the same events share a network. No
    row of a log is read.

    Raises:
        InputError: A template's network cannot be built for a model.
    """
    distinct: dict[tuple[object, ...], list[ModelSpec]] = {}
    for model in fleet.models:
        own = tuple(sorted(model.hyperparameters.items()))
        inputs = (log_name(model.log), model.stage, model.features, model.events, own)
        distinct.setdefault(inputs, []).append(model)
    logs = {log_name(model.log): model.log for model in fleet.models}
    schemas = {name: log_schema(log) for name, log in logs.items()}
    counts = []
    for template in catalogue.values():
        for model, *others in distinct.values():
            if model.stage not in STAGES[template.paradigm]:
                continue
            card = model_card(template, model, schemas[log_name(model.log)])
            counts.append(
                Count(
                    fleet=fleet.name,
                    model=model.name,
                    models=1 + len(others),
                    stage=model.stage,
                    template=template.name,
                    paradigm=template.paradigm,
                    scale=template.scale,
                    flops=card.flops,
                    dense_parameters=card.dense_parameters,
                    limit=card.limits.flops,
                )
            )
    return counts
