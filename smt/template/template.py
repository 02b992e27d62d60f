"""A template: the five fixed parts (§3.2.1) from which every model's network is built."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.space import AnyDomain, Domain, as_written, widen
from smt.spec import Spec, suggest
from smt.template.architecture import Architecture
from smt.template.data import Data
from smt.template.features import Features, TargetAttention
from smt.template.serving import Serving
from smt.template.training import Training

Paradigm = Literal["sparsenn", "decoupled_sparsenn"]
Scale = Literal["small", "medium", "large"]
PARTS = ("architecture", "features", "data", "training", "serving")


class Template(Spec):
    """Everything about a model but its own inputs. Immutable; techniques make new ones.

    Attributes:
        paradigm: One tower, or a tower of the user and one of the item that meet at the end.
        scale: Which of the paradigm's three sizes this is (Table 1).
        exposed: Hyperparameters that a model may set for itself, by their place (such as
            `training.dense_rate`), each with its domain; the template's value is the default.
    """

    name: str
    paradigm: Paradigm = "sparsenn"
    scale: Scale = "small"
    architecture: Architecture = Architecture()
    features: Features = Features()
    data: Data = Data()
    training: Training = Training()
    serving: Serving = Serving()
    exposed: dict[str, AnyDomain] = {}

    @model_validator(mode="after")
    def _towers_meet_at_the_end(self) -> "Template":
        if self.paradigm == "decoupled_sparsenn" and isinstance(
            self.features.sequence, TargetAttention
        ):
            raise ValueError(
                "target attention reads the item beside the user's history; towers of the "
                "decoupled paradigm meet only at the end"
            )
        return self

    @model_validator(mode="after")
    def _defaults_are_in_their_domains(self) -> "Template":
        for place, domain in self.exposed.items():
            value = self.value(place)
            if not domain.holds(value):
                raise ValueError(f"exposed '{place}' is {value!r} here, which is not {domain}")
        return self

    def value(self, place: str) -> Any:
        """The value at a place such as `training.dense_rate`. Raises `ValueError` for no place."""
        value: Any = self
        for key in place.split("."):
            if not isinstance(value, Spec) or key not in type(value).model_fields:
                raise ValueError(f"a template has no '{place}'")
            value = getattr(value, key)
        return value

    def change(self, part: str, **values: object) -> "Template":
        """The template with some values of one part replaced, validated again.

        Example:
            >>> Template(name="small").change("training", batch_size=256).training.batch_size
            256
        """
        fields = self.model_dump()
        fields[part] = {**fields.get(part, {}), **values}
        return Template.parse(fields, source=f"template '{self.name}', part '{part}'")

    def exposing(self, domains: Mapping[str, Domain]) -> "Template":
        """The template with these places exposed, each domain with the value there in it.

        A place that it does not have, or that has nothing, is not exposed.
        """
        if not domains:
            return self
        exposed: dict[str, Domain] = dict(self.exposed)
        for place, domain in domains.items():
            try:
                value = self.value(place)
            except ValueError:
                continue
            if value is not None:
                exposed[place] = domain if domain.holds(value) else widen(domain, value)
        return Template.parse(
            {**self.model_dump(), "exposed": exposed}, source=f"template '{self.name}'"
        )

    def for_model(self, model: ModelSpec) -> "Template":
        """The template with the model's own values of what is exposed (§3.2.2).

        Raises:
            InputError: The model sets what is not exposed, or a value outside its domain.
        """
        if not model.hyperparameters:
            return self
        fields = self.model_dump()
        for place, written in model.hyperparameters.items():
            if place not in self.exposed:
                raise InputError(
                    f"model '{model.name}': hyperparameter '{place}' is not exposed by template "
                    f"'{self.name}'; {suggest(place, [*self.exposed])}"
                )
            domain = self.exposed[place]
            value = as_written(written, domain)
            if not domain.holds(value):
                raise InputError(
                    f"model '{model.name}': {place} = {value!r} is outside its domain, {domain}"
                )
            *path, key = place.split(".")
            inner = fields
            for step in path:
                inner = inner[step]
            if key == "kind" and inner[key] != value:
                # Another kind has sizes of its own.
                inner.clear()
            inner[key] = value
        return Template.parse(fields, source=f"template '{self.name}' of model '{model.name}'")
