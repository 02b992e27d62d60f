"""What a turn of the wheel came to: a search, the versions it makes, the models launched."""

from typing import Any, Literal

from smt.results.folder import Result, holds, read_result
from smt.results.integration import IntegrationResult
from smt.results.integrations import IntegrationsResult
from smt.results.launch import LaunchDecision, LaunchResult
from smt.results.launch_models import LaunchedModel, read_launched
from smt.results.run_reading import Run, read_run
from smt.spec import Spec
from smt.storage import Folder

SEARCH, VERSION, LAUNCH = "search", "version", "launch"


class CycleResult(Result):
    """Its verdicts, and what they cost.

    Attributes:
        techniques: Technique -> whether it generalizes; one of which no θ could be tried does not.
        versions: What it makes of each template -> whether that is kept.
        outcomes: How many models of the launch came to what.
        gain: Mean Δ of all models that were compared, percent; None where none was.
        evaluations: Networks trained by the search, baselines and fresh seeds included.
    """

    kind: Literal["cycle"] = "cycle"
    format: Literal[3] = 3
    fleet: str
    models: int
    representatives: int
    techniques: dict[str, bool]
    versions: dict[str, Literal["kept", "not kept"]]
    outcomes: dict[LaunchDecision, int]
    gain: float | None
    evaluations: int


class Cycle(Spec):
    """The finished runs of a turn.

    Attributes:
        integrations: Folder of a back-test -> what it came to; one a template.
        not_made: Template that gets no version -> why.
    """

    search: Run
    integrations: dict[str, IntegrationResult]
    not_made: dict[str, str] = {}
    launch: LaunchResult
    launched: tuple[LaunchedModel, ...]

    @property
    def result(self) -> CycleResult:
        """What the turn came to."""
        searched, delta = self.search.result, self.launch.delta
        return CycleResult(
            fleet=searched.fleet,
            models=len(self.search.models),
            representatives=len(searched.representatives),
            techniques={
                **{technique.name: technique.generalizes for technique in searched.techniques},
                **dict.fromkeys(searched.untried, False),
            },
            versions={
                f"{made.template}@{made.number}": made.decision
                for made in self.integrations.values()
            },
            outcomes=self.launch.outcomes,
            gain=None if delta is None else delta.each.mean,
            evaluations=len(self.search.evaluations),
        )


def read_cycle(folder: Folder) -> Cycle:
    """Read the runs in its folders `search`, `version` and `launch`.

    Raises:
        InputError: One of them is no finished run of that kind.
    """
    launch = Folder(folder.path(LAUNCH))
    return Cycle(
        search=read_run(Folder(folder.path(SEARCH))),
        **_read_integrations(folder),
        launch=read_result(launch, LaunchResult),
        launched=tuple(read_launched(launch)),
    )


def _read_integrations(folder: Folder) -> dict[str, Any]:
    """Of the one template, or of every one that the search's techniques fit: fields of `Cycle`."""
    whole = Folder(folder.path(VERSION))
    if not holds(whole, IntegrationsResult):
        return {"integrations": {VERSION: read_result(whole, IntegrationResult)}}
    templates = read_result(whole, IntegrationsResult).templates
    places = [f"{VERSION}/{made.template}" for made in templates if made.decision != "not made"]
    return {
        "integrations": {
            place: read_result(Folder(folder.path(place)), IntegrationResult) for place in places
        },
        "not_made": {
            template.template: template.reason
            for template in templates
            if template.decision == "not made"
        },
    }
