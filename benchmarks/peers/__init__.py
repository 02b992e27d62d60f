"""Other libraries' models on our logs: the same split, examples and features, in one pass.

A peer trains on the log's training window, in order, and gives the `[n]` probabilities of
one event on the test window. Each runs on one CPU thread. A peer's library is imported when
the peer is called: `pip install -c constraints.txt -e '.[bench]'` brings all of them.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from peers.boosted_trees import lightgbm, lightgbm_encoded
from peers.deepctr_models import dcn, deepfm, din
from peers.rechub_models import dcn_v2
from peers.torchrec_models import dlrm, dlrm_dcn
from smt.data import Log

Peer = Callable[[Log, Sequence[str], str, int], NDArray[np.float64]]

peers: dict[str, Peer] = {
    "dlrm": dlrm,
    "dlrm_dcn": dlrm_dcn,
    "deepfm": deepfm,
    "dcn": dcn,
    "din": din,
    "dcn_v2": dcn_v2,
    "lightgbm": lightgbm,
    "lightgbm_encoded": lightgbm_encoded,
}

__all__ = ["Peer", "peers"]
