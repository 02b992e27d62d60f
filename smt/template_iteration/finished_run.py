"""A finished generalization, as template iteration reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from smt.errors import InputError
from smt.mmo import Settings
from smt.mmo.sensitivity.sensitivity import Decision
from smt.space import AnyDomain, Domain
from smt.storage import Folder
from smt.template import Template, Theta
from smt.template.versions import TechniqueNumbers

RESULT = "result.json"

_DOMAIN: TypeAdapter[Domain] = TypeAdapter(AnyDomain)


@dataclass(frozen=True)
class Advice:
    """What a run's sensitivity analysis says of one hyperparameter.

    Attributes:
        domain: Where the models' own optima lie; None unless exposed.
    """

    decision: Decision
    reason: str
    domain: Domain | None


@dataclass(frozen=True)
class FinishedRun:
    """What a generalization decided.

    Attributes:
        location: Its folder.
        template: On which the techniques were tried.
        representatives: Names of models.
        techniques: technique -> what it reached. Left out are those under which some model
            failed at every θ: they have no μ.
        tried: All techniques, in the run's order.
        generalized: T_G⁺: technique -> θ*, in the run's order.
        holdout_models: Names of models outside the representatives that confirmed techniques.
        advice: technique -> hyperparameter -> what to do with it; empty where not analysed.
    """

    location: str
    fleet: str
    template: Template
    settings: Settings
    representatives: tuple[str, ...]
    techniques: dict[str, TechniqueNumbers]
    tried: tuple[str, ...]
    generalized: dict[str, Theta]
    holdout_models: tuple[str, ...] = ()
    advice: Mapping[str, Mapping[str, Advice]] = field(default_factory=dict)


def read_finished_run(location: str | Path) -> FinishedRun:
    """Read the `result.json` that `smt.mmo.record.save` left in a folder or URI.

    Raises:
        InputError: There is none, or it is of something else.
    """
    folder = Folder(location)
    if not folder.exists(RESULT):
        raise InputError(f"{location}: holds no {RESULT}; a finished run of generalize is needed")
    source = folder.path(RESULT)
    result = json.loads(folder.read(RESULT))
    for key in ("generalized", "representatives", "techniques"):
        if key not in result:
            raise InputError(f"{source}: has no '{key}'; it is not of a run of generalize")
    return FinishedRun(
        location=str(location),
        fleet=result["fleet"],
        template=Template.parse(result["template"], source=f"{source}, template"),
        settings=Settings.parse(result["settings"], source=f"{source}, settings"),
        representatives=tuple(each["model"] for each in result["representatives"]),
        techniques={
            each["name"]: _numbers(each["shown"])
            for each in result["techniques"]
            if each["shown"]["mean"] is not None
        },
        tried=tuple(each["name"] for each in result["techniques"]),
        generalized=result["generalized"],
        holdout_models=tuple(result.get("holdout_models", ())),
        advice={
            each["name"]: {name: _advice(of) for name, of in each.get("sensitivity", {}).items()}
            for each in result["techniques"]
        },
    )


def _advice(sensitivity: dict[str, Any]) -> Advice:
    domain = sensitivity["domain"]
    return Advice(
        decision=sensitivity["decision"],
        reason=sensitivity["reason"],
        domain=None if domain is None else _DOMAIN.validate_python(domain),
    )


def _numbers(shown: dict[str, Any]) -> TechniqueNumbers:
    fields = {name: shown[name] for name in TechniqueNumbers.model_fields}
    return TechniqueNumbers.model_validate(fields)
