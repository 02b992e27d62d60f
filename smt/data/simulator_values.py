"""How long a simulated user watches: 0 without a view, else heavy-tailed.

Seconds given a view are log-normal, of one median where the view is a long one and of another where
it is not. Both grow with the user's inclination to view long, the former with the item's length.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from smt.data.columns import Value
from smt.data.deviance import potential
from smt.data.simulator_behaviour import CONDITIONAL_RATES, EVENT_NAMES, marginal
from smt.data.simulator_world import Floats

TRUTH, FLOOR = "watch_time_truth", "watch_time_floor"
WATCH_TIME = Value(truth=TRUTH, floor=FLOOR)
SHORT_SECONDS, LONG_SECONDS = 3.0, 25.0
"""Medians at a typical inclination; of a long view, for an item of so many seconds."""
SLOPE = 0.3
"""How much the log of a median grows with the log-odds of a long view."""
SPREAD = 0.8
"""Standard deviation of the log of seconds, when the median is known."""
VIEW, LONG_VIEW = EVENT_NAMES.index("view"), EVENT_NAMES.index("long_view")


def watch_times(
    conditional: Iterable[Floats],
    labels: dict[str, NDArray[np.int8]],
    durations: Floats,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.float32]]:
    """Draw how long N impressions were watched.

    Args:
        conditional: `[n, E]` probabilities given the parent, by chunks, as of `Behaviour`.
        labels: Event -> `[N]` what happened.
        durations: `[N]` seconds, of the items.

    Returns:
        By column `[N]`: the label, its expectation, the expected deviance of predicting that.
    """
    given = np.concatenate([*conditional])
    short, long = _medians(given[:, LONG_VIEW], durations)
    drawn = np.exp(SPREAD * rng.normal(size=len(durations)))
    watched = np.where(labels["long_view"] == 1, long, short) * drawn
    seconds = np.where(labels["view"] == 1, watched, 0.0)
    chances = marginal(given)
    lasting = chances[:, LONG_VIEW]
    brief = chances[:, VIEW] - lasting

    def expected(power: float) -> Floats:
        """Of seconds to a power."""
        moment = np.exp((power * SPREAD) ** 2 / 2)
        return np.asarray(moment * (brief * short**power + lasting * long**power))

    power = WATCH_TIME.power
    # phi is linear in the label's power 2 - p.
    floor = potential(np.ones(1), power) * expected(2 - power) - potential(expected(1), power)
    columns: dict[str, Floats] = {"watch_time": seconds, TRUTH: expected(1), FLOOR: floor}
    return {name: values.astype(np.float32) for name, values in columns.items()}


def _medians(chances: Floats, durations: Floats) -> tuple[Floats, Floats]:
    """`[N]` seconds of short and of long views, from chances that a view is a long one."""
    typical = CONDITIONAL_RATES[LONG_VIEW]
    inclination = np.log(chances / (1 - chances)) - np.log(typical / (1 - typical))
    taste = np.exp(SLOPE * inclination)
    return SHORT_SECONDS * taste, LONG_SECONDS * taste * np.sqrt(durations / LONG_SECONDS)
