"""What a back-test tries, and what was kept and stored before it."""

from dataclasses import dataclass
from typing import Any

from smt.fleet import ModelSpec
from smt.results.integration import IntegrationResult
from smt.search.settings import Settings
from smt.template import Template
from smt.template_iteration.integrate import Integration


@dataclass(frozen=True)
class Candidate:
    """A version to try, and the models that tell of it.

    Attributes:
        models: To train under the version and under its parent.
        fleet: All models that are built from the parent and must be served.
    """

    change: Integration
    models: tuple[ModelSpec, ...]
    fleet: tuple[ModelSpec, ...]

    @property
    def name(self) -> str:
        """Of the template."""
        return self.change.version.name

    @property
    def parent(self) -> Template:
        """What the version is compared with, as the run trained it."""
        return self.change.as_trained(self.change.parent.template)

    @property
    def version(self) -> Template:
        """The version's template."""
        return self.change.version.template

    @property
    def only_exposes(self) -> bool:
        """Whether its networks are its parent's, of which models may now choose more."""
        templates = (self.change.parent.template, self.change.version.template)
        before, after = (each.model_copy(update={"exposed": {}}) for each in templates)
        return before == after

    @property
    def settings(self) -> Settings:
        """By which it is kept: the run's."""
        return self.change.run.settings

    @property
    def changed(self) -> dict[str, Template]:
        """Model of the fleet -> what it gets where the version is kept."""
        return dict.fromkeys((model.name for model in self.fleet), self.version)

    @property
    def templates(self) -> tuple[Template, ...]:
        """All that may be trained: parent, version, and the version without each technique."""
        reduced = (without.template for without in self.change.reduced)
        changed = (self.version, *(known for known in reduced if known is not None))
        return (self.parent, *map(self.change.as_trained, changed))

    def identity(self, digests: dict[str, str], files: dict[str, str]) -> dict[str, Any]:
        """Plain data that determines what is trained, under keys of this template.

        Args:
            digests: Model -> digest of its log.
            files: File that its templates name -> digest of its content.
        """
        known = {
            "parent": self.parent.to_dict(),
            "version": self.version.to_dict(),
            "settings": self.settings.to_dict(),
            "models": [model.to_dict() for model in self.models],
            "logs": {model.name: digests[model.name] for model in self.models},
            **({"files": files} if files else {}),
        }
        return {f"{key} of {self.name}": value for key, value in known.items()}


@dataclass(frozen=True)
class StoredVersion:
    """A version that an interrupted run tried, and stored: later ones are counted beside it.

    Attributes:
        result: What its back-test came to.
        changed: Model of the fleet -> what it gets; empty where the version was not kept.
    """

    result: IntegrationResult
    changed: dict[str, Template]
