"""What a turn of the wheel came to: a search, the version it makes, the models launched."""

from typing import Literal

from smt.results.folder import Result, read_result
from smt.results.integration import IntegrationResult
from smt.results.launch import LaunchDecision, LaunchResult
from smt.results.launch_models import LaunchedModel, read_launched
from smt.results.run_reading import Run, read_run
from smt.spec import Spec
from smt.storage import Folder

SEARCH, VERSION, LAUNCH = "search", "version", "launch"


class CycleResult(Result):
    """Its verdicts, and what they cost.

    Attributes:
        techniques: Technique -> whether it generalizes.
        version: What it makes of the template, and whether that is kept.
        outcomes: How many models of the launch came to what.
        gain: Mean Δ of the models that ship, percent; None where none was compared.
        evaluations: Networks trained by the search, baselines and fresh seeds included.
    """

    kind: Literal["cycle"] = "cycle"
    format: Literal[1] = 1
    fleet: str
    models: int
    representatives: int
    techniques: dict[str, bool]
    version: str
    decision: Literal["kept", "not kept"]
    outcomes: dict[LaunchDecision, int]
    gain: float | None
    evaluations: int


class Cycle(Spec):
    """The finished runs of a turn."""

    search: Run
    integration: IntegrationResult
    launch: LaunchResult
    launched: tuple[LaunchedModel, ...]

    @property
    def result(self) -> CycleResult:
        """What the turn came to."""
        searched, shipped = self.search.result, self.launch.shipped_delta
        return CycleResult(
            fleet=searched.fleet,
            models=len(self.search.models),
            representatives=len(searched.representatives),
            techniques={technique.name: technique.generalizes for technique in searched.techniques},
            version=f"{self.integration.template}@{self.integration.number}",
            decision=self.integration.decision,
            outcomes=self.launch.outcomes,
            gain=None if shipped is None else shipped.mean,
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
        integration=read_result(Folder(folder.path(VERSION)), IntegrationResult),
        launch=read_result(launch, LaunchResult),
        launched=tuple(read_launched(launch)),
    )
