import numpy as np
import quality


def test_peers_learn_from_the_labels_that_the_training_windows_end_knew(small_log, small_model):
    known = {
        event: quality.with_known_labels(small_log, small_model, event).train[event].to_numpy()
        for event in ("click", "conversion")
    }
    happened, waits, times = (
        small_log.train[name].to_numpy() for name in ("conversion", "conversion_delay", "time")
    )
    expected = (happened == 1) & (times + waits <= times.max())
    assert 0 < expected.sum() < (happened == 1).sum()
    np.testing.assert_array_equal(known["conversion"], expected)
    np.testing.assert_array_equal(known["click"], small_log.train["click"].to_numpy())
