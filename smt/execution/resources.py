"""What a run may take of the cluster: one description for the library and its three commands."""

from dataclasses import dataclass

from smt.errors import InputError


@dataclass(frozen=True)
class Resources:
    """What a run may take of the cluster.

    Attributes:
        isolate: Every evaluation in a Ray Train run of its own.
        warm_workers: How many processes stay and train; as many as the cluster has room for where
            not given. More make an autoscaling cluster grow.
        concurrent_runs: How many evaluations in runs of their own, of several workers or with
            --isolate, there are at once; as many as the cluster has room for where not given.
            More make an autoscaling cluster grow.
        limit_minutes: That an evaluation may take before it is ended, and tried once more; in a run
            of its own, the wait for its workers included. Making a model is one evaluation, its
            tuning included.
    """

    isolate: bool = False
    warm_workers: int | None = None
    concurrent_runs: int | None = None
    limit_minutes: float | None = None

    @property
    def limit_s(self) -> float | None:
        """Seconds that an evaluation may take; None for no limit."""
        return None if self.limit_minutes is None else 60 * self.limit_minutes


def check_resources(resources: Resources | None) -> Resources:
    """The same, and all that there is where None. Raises `InputError` for a limit of no time."""
    resources = resources or Resources()
    limit = resources.limit_minutes
    if limit is not None and not limit > 0:
        raise InputError(f"limit_minutes is {limit:g}; more than 0 is needed")
    return resources
