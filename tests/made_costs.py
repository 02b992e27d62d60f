"""What serving a network costs, for tests that look at a few of its numbers."""

from smt.serving import ServingCost


def made_cost(flops: int, size: int = 1, latency: float = 1.0) -> ServingCost:
    """FLOPs of an example, bytes of all that is dense, and milliseconds of both latencies."""
    return ServingCost(
        flops=flops,
        flops_item_cached=None,
        bytes=size,
        table_bytes=0,
        dense_bytes=size,
        latency_ms=latency,
        latency_ms_median=latency,
        batch_size=64,
        target="cpu",
        measured_on="cpu",
    )
