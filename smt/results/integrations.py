"""What one run made of several templates: a version each, or why there is none."""

from typing import Literal

from smt.fleet.budget import Growth
from smt.results.folder import Result
from smt.results.integration import IntegrationResult
from smt.results.savings import Savings
from smt.spec import Spec

TemplateDecision = Literal["kept", "not kept", "not made"]


class TemplateIntegration(Spec):
    """What became of one template.

    Attributes:
        template: Its name, and the folder of its back-test.
        number, parent: Of the version; None where it was not made.
        techniques: Of the version.
        decision: Whether the back-test kept it; `not made`: the techniques make no version of it.
        reason: Why.
        models: On which it was back-tested; 0 where nothing was trained, nor are there numbers.
        mean, mean_sem: μ and its standard error, percent; None where one failed.
        regression_rate: R.
        savings: What serving it saves; None where a model failed.
        growth: Of what serving the whole fleet costs, with the versions kept above it in place.
    """

    template: str
    number: int | None = None
    parent: int | None = None
    techniques: tuple[str, ...] = ()
    decision: TemplateDecision
    reason: str
    models: int = 0
    mean: float | None = None
    mean_sem: float | None = None
    regression_rate: float | None = None
    savings: Savings | None = None
    growth: Growth | None = None


class IntegrationsResult(Result):
    """The versions that a run led to.

    Attributes:
        run: Where the generalization is.
        templates: In the order in which the fleet's models come to them.
    """

    kind: Literal["back-tests"] = "back-tests"
    format: Literal[1] = 1
    run: str
    fleet: str
    templates: tuple[TemplateIntegration, ...]

    @property
    def growth(self) -> Growth | None:
        """Of what serving the whole fleet costs with all versions that are kept; None of none."""
        kept = [template for template in self.templates if template.decision == "kept"]
        return kept[-1].growth if kept else None

    @property
    def kept(self) -> bool:
        """Whether one of the versions is."""
        return any(template.decision == "kept" for template in self.templates)


def integration_of(result: IntegrationResult) -> TemplateIntegration:
    """A template's row, of its back-test."""
    group = result.groups.get("all")
    numbers = {} if group is None else group.model_dump(include=_NUMBERS)
    return TemplateIntegration(
        template=result.template,
        number=result.number,
        parent=result.parent,
        techniques=tuple(technique.name for technique in result.techniques),
        decision=result.decision,
        reason=result.reason,
        growth=result.growth,
        **numbers,
    )


_NUMBERS = {"models", "mean", "mean_sem", "regression_rate", "savings"}
