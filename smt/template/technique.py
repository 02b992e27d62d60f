"""A technique: a named change of a template, with hyperparameters."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from smt.data import Schema
from smt.data.columns import Event
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.space import Domain, Space, Theta, check_space, check_theta
from smt.template.enrich import enrich_model
from smt.template.features import FeatureType
from smt.template.inputs import feature_type
from smt.template.template import Paradigm, Scale, Template

# What is kept of a technique is in a folder of its name.
NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


Part = Literal["architecture", "features", "data", "training", "serving"]


@dataclass(frozen=True)
class Technique:
    """A candidate T_j: `apply(template, theta)` makes the template that has it.

    Attributes:
        name: How it is called in commands, columns, folders and reports.
        part: The part of the template that it changes.
        change: `(template, **theta) -> template`; validated templates in and out. It gets the
            active hyperparameters alone, so those with a condition need a default.
        paradigms, scales: Of the templates that it fits.
        reads: It changes nothing for a model without features of any of these types; () where
            it does not depend on features.
        chains: It changes nothing for a model none of whose events comes after another.
        shares: It changes nothing for a model of one event.
        meanings: Hyperparameter -> what it means.
        summary: What it does, in a sentence.
    """

    name: str
    part: Part
    space: Space
    change: Callable[..., Template]
    source: str
    paradigms: tuple[Paradigm, ...] = get_args(Paradigm)
    scales: tuple[Scale, ...] = get_args(Scale)
    reads: tuple[FeatureType, ...] = ()
    chains: bool = False
    shares: bool = False
    meanings: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""

    def __post_init__(self) -> None:
        """Raises `InputError` for a name that no folder can have, or a space's conditions."""
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"technique {self.name!r}: a name is of letters, digits, '_', '-' and '.', at most "
                "100, and begins with none of the last two"
            )
        check_space(self.space, f"technique '{self.name}'")

    def applies_to(self, template: Template) -> bool:
        """Whether the template's paradigm and scale are among those that this fits."""
        return template.paradigm in self.paradigms and template.scale in self.scales

    def may_change(self, template: Template, model: ModelSpec, schema: Schema) -> bool:
        """Whether a model may be another with this than without it.

        Args:
            template: What the model is built from.
            schema: Of its log.
        """
        if not self.applies_to(template):
            return False
        model, schema = enrich_model(template, model, schema)
        read = {feature_type(schema, name) for name in model.features}
        if self.reads and not read & {*self.reads}:
            return False
        if self.shares and len(model.events) == 1:
            return False
        events = schema.of_kind(Event)
        return not self.chains or any(
            event in events and events[event].after is not None for event in model.events
        )

    def apply(self, template: Template, theta: Mapping[str, object] | Theta) -> Template:
        """The template with this technique at θ.

        What the template exposes stays exposed, where θ is outside its domain in a wider one.

        Raises:
            InputError: θ is not a point of the space, the template's paradigm or scale is none
                that this fits, or it changes what networks are judged by.
        """
        self.require_fit(template)
        check_theta(theta, self.space, f"technique '{self.name}'")
        changed = self.change(template.model_copy(update={"exposed": {}}), **theta)
        for place in ("training.judge", "training.judge_share"):
            if changed.value(place) != template.value(place):
                raise InputError(
                    f"technique '{self.name}' changes {place}, by which it is compared with what "
                    "it changes"
                )
        return changed.exposing(template.exposed)

    def require_fit(self, template: Template) -> None:
        """Raise `InputError` unless the technique fits the template's paradigm and scale."""
        self._require("paradigm", template.paradigm, self.paradigms, template)
        self._require("scale", template.scale, self.scales, template)

    def _require(self, what: str, value: str, fits: tuple[str, ...], template: Template) -> None:
        if value not in fits:
            raise InputError(
                f"technique '{self.name}' does not fit the {what} '{value}' of template "
                f"'{template.name}'; it fits {' and '.join(fits)}"
            )


def technique(
    *,
    part: Part,
    source: str,
    paradigms: tuple[Paradigm, ...] = get_args(Paradigm),
    scales: tuple[Scale, ...] = get_args(Scale),
    reads: tuple[FeatureType, ...] = (),
    chains: bool = False,
    shares: bool = False,
    **hyperparameters: tuple[Domain, str],
) -> Callable[[Callable[..., Template]], Technique]:
    """Make a change the technique of its name, which does what its docstring says.

    Args:
        hyperparameters: Each with its domain and its meaning.
    """

    def named(change: Callable[..., Template]) -> Technique:
        return Technique(
            name=change.__name__,
            part=part,
            space={name: domain for name, (domain, _) in hyperparameters.items()},
            change=change,
            source=source,
            paradigms=paradigms,
            scales=scales,
            reads=reads,
            chains=chains,
            shares=shares,
            meanings={name: meaning for name, (_, meaning) in hyperparameters.items()},
            summary=" ".join((change.__doc__ or "").split()),
        )

    return named
