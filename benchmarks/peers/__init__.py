"""Other libraries' models on our logs: the same split, examples and features, in one pass.

A peer trains on the training window of a split, in order, and gives the `[n]` probabilities of
one event on the test window, from which it learns as well where the split is progressive: each
row after it is predicted. Each runs on one CPU thread. A peer's library is imported when
the peer is called: `pip install -c constraints.txt -e '.[bench]'` brings all of them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from peers.boosted_trees import lightgbm, lightgbm_encoded
from peers.deepctr_models import dcn, deepfm, din
from peers.rechub_models import dcn_v2
from peers.shared import Split
from peers.torchrec_models import dlrm, dlrm_dcn

Peer = Callable[[Split, int], NDArray[np.float64]]

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
