"""What a generalization decided: the content of its `result.json`."""

from typing import Literal

from smt.results.folder import Result
from smt.results.sensitivity import HyperparameterSensitivity
from smt.results.technique import TechniqueRecord
from smt.search.settings import Settings
from smt.space import Theta
from smt.spec import Spec
from smt.template import Template


class Representative(Spec):
    """A representative model with its baseline; `weight` is its share of all weights."""

    model: str
    weight: float
    ne: float
    flops: int
    bytes: int
    train_rows: int
    judged_rows: int


class ShortWindow(Spec):
    """A model whose judged rows are too few to tell a change of α.

    Attributes:
        rows, needed: Test rows, and how many would do.
        sem: Standard error of its Δ, percent.
    """

    rows: int
    needed: int
    sem: float


class GeneralizationResult(Result):
    """Algorithm 1 on a fleet: what every technique came to.

    Attributes:
        templates: Those that models are built from, as a person calls them; techniques were tried
            on each model's own.
        model_templates: Model of the fleet -> that name.
        inertias: k -> k-means inertia.
        silhouettes: k -> mean silhouette.
        representatives: M_R.
        holdout_models: Names of M_H; empty where there is none.
        short_windows: model -> why its test window is too short, of those where it is.
        techniques: In the order in which they were searched.
        untried: Technique -> why no θ of it was tried: each costs too much to serve, or would leave
            the representatives as they are.
        generalized: T_G⁺ with its θ*: technique -> θ, in the same order.
    """

    kind: Literal["generalization"] = "generalization"
    format: Literal[4] = 4
    fleet: str
    templates: dict[str, Template]
    model_templates: dict[str, str]
    settings: Settings
    inertias: dict[int, float]
    silhouettes: dict[int, float]
    representatives: tuple[Representative, ...]
    holdout_models: tuple[str, ...]
    short_windows: dict[str, ShortWindow]
    techniques: tuple[TechniqueRecord, ...]
    generalized: dict[str, Theta]
    untried: dict[str, str] = {}

    @property
    def representative_names(self) -> tuple[str, ...]:
        """Of M_R, in the run's order."""
        return tuple(representative.model for representative in self.representatives)

    def built_from(self, template: str) -> tuple[str, ...]:
        """The fleet's models that are built from a template, by what it is called here."""
        return tuple(model for model, name in self.model_templates.items() if name == template)

    @property
    def sensitivity(self) -> dict[str, dict[str, HyperparameterSensitivity]]:
        """Technique -> hyperparameter -> what the feasible trials say of it."""
        return {technique.name: technique.sensitivity for technique in self.techniques}
