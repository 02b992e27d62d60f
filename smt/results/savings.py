"""What a change saves in serving."""

from smt.spec import Spec


class Savings(Spec):
    """Shares by which models cost less to serve than before, weighted means; below 0: more.

    Attributes:
        flops: Of an example.
        bytes: Of parameters and buffers, tables at the precision of serving.
    """

    flops: float
    bytes: float

    @property
    def largest(self) -> float:
        """Of what is saved most."""
        return max(self.flops, self.bytes)

    def reach(self, least: float) -> bool:
        """Whether one is at least that, and the other no larger an increase."""
        return self.largest >= least and min(self.flops, self.bytes) >= -least

    def __str__(self) -> str:
        quantity = "bytes" if self.bytes >= self.flops else "FLOPs"
        return f"{100 * self.largest:.0f}% of {quantity}"
