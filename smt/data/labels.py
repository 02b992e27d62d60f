"""Labels as training may see them: of events that come late, smoothed, and softened."""

from typing import Literal

import torch
from torch import Tensor

from smt.errors import InputError

Correction = Literal["drop", "none", "weighted"]
LEAST_SHARE = 0.1
"""Rows whose events are seen with a smaller probability than this teach nothing."""


def ripe_delays(
    labels: Tensor,
    delays: Tensor,
    timestamps: Tensor,
    *,
    window_ms: float,
    observed_until_ms: int,
) -> Tensor:
    """Delays of the events within the windows that were closed at `observed_until_ms`.

    They are a fair sample of all delays: nothing about these rows is still to come.

    Args:
        labels, delays, timestamps: `[n]`, as of `mature_labels`.

    Returns:
        `[m]` milliseconds, ascending.
    """
    window = round(window_ms)
    closed = timestamps + window <= observed_until_ms
    happened = (labels > 0) & (delays <= window)
    return delays[closed & happened].sort().values


def mature_labels(
    labels: Tensor,
    delays: Tensor,
    timestamps: Tensor,
    *,
    window_ms: float | None,
    observed_until_ms: int | Tensor,
    correction: Correction = "none",
    ripe: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""What was known at one moment of "it happened within the window after the impression".

    Rows whose window is still open then look negative too often. `none` takes them as they
    look: fake negatives (Ktena et al., RecSys 2019, arXiv:1907.06558). `drop` gives them no
    weight. `weighted` divides their labels by F(e), the share of delays that are at most the
    time e since the impression, by inverse probability: of y = 1 with probability p, we see
    s = 1 with probability p F(e), so the label s / F(e) has the mean p. Cross entropy is
    linear in its label, so its expectation, and that of its gradient, is that of complete
    windows whatever p is: p F [l1 / F + (1 - 1 / F) l0] + (1 - p F) l0 = p l1 + (1 - p) l0.
    Labels are above 1 then. Rows with F(e) below `LEAST_SHARE` get no weight, as the
    variance of s / F(e) grows with 1 / F(e). That delays do not depend on what else is
    known of the row is an assumption. The loss of a value is linear in its label, too.

    Args:
        labels: `[B]`, 1 where the event ever happened, or what it was worth.
        delays: `[B]` milliseconds from the impression to the event.
        timestamps: `[B]` milliseconds: when the impressions happened.
        window_ms: Later events do not count; None counts all that are known.
        observed_until_ms: What happens after it is not known; of all rows, or `[B]`.
        ripe: `[m]` ascending delays, of `ripe_delays`; for `weighted` only.

    Returns:
        `[B]` labels and `[B]` weights (0 or 1), float32.

    Raises:
        InputError: `weighted` without a single ripe delay.
    """
    elapsed = observed_until_ms - timestamps
    known = labels.float() * (delays <= elapsed)
    if window_ms is None:
        return known, torch.ones_like(elapsed, dtype=torch.float32)
    # Beside a float, torch would compare times as float32, which is minutes off.
    window = round(window_ms)
    known = known * (delays <= window)
    still_open = elapsed < window
    if correction == "none":
        return known, torch.ones_like(known)
    if correction == "drop":
        return known, (~still_open).float()
    if ripe is None or not len(ripe):
        raise InputError(
            f"the delays of an event within {window / 3_600_000:g} hours are not known, as it "
            "never happened in a window that was over before the end of training; shorten it"
        )
    seen = torch.searchsorted(ripe, elapsed, right=True) / len(ripe)
    seen = torch.where(still_open, seen, 1.0)
    weights = (seen >= LEAST_SHARE).float()
    return known * weights / seen.clamp(min=LEAST_SHARE), weights


def smooth(labels: Tensor, base_rates: Tensor, smoothing: float) -> Tensor:
    """Move `[B, E]` labels a share `smoothing` of the way to the `[E]` base rates."""
    return torch.lerp(labels, base_rates, smoothing)


def mix_soft(labels: Tensor, teacher: Tensor, weight: float) -> Tensor:
    """Move `[B, E]` labels a share `weight` of the way to a teacher's `[B, E]` scores."""
    return torch.lerp(labels, teacher, weight)
