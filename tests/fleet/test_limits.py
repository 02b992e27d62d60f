from smt.fleet import ServingLimits

LIMITS = ServingLimits(flops=1_000, bytes=2_000, latency_ms=1.5)


def test_a_limit_may_be_reached_and_what_is_unknown_breaks_none():
    assert LIMITS.exceeded(flops=1_000, bytes=2_000, latency_ms=1.5) == ()
    assert LIMITS.exceeded() == ()
    assert ServingLimits().exceeded(flops=10**15, bytes=10**15, latency_ms=1e9) == ()


def test_an_excess_says_what_is_needed_and_by_how_much_it_is_too_much():
    flops, latency = LIMITS.exceeded(flops=1_250, bytes=1, latency_ms=3.0)
    assert str(flops) == "FLOPs 1,250 exceed the model's limit 1,000"
    assert (flops.needed, flops.allowed, flops.percent) == ("1,250 FLOPs an example", "1,000", 25)
    assert str(latency) == "p99 latency 3 ms exceeds the model's limit 1.5 ms"
    assert (latency.needed, latency.allowed) == ("3 ms of p99 latency", "1.5")


def test_of_two_limits_the_tighter_one_holds():
    other = ServingLimits(flops=2_000, bytes=1_000)
    assert LIMITS.tighter(other) == ServingLimits(flops=1_000, bytes=1_000, latency_ms=1.5)
