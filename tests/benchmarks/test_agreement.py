import sys

from agreement import Config, agreement, command


def test_agreement_is_the_share_of_pairs_of_runs_that_say_the_same_of_a_technique():
    assert agreement([[True, True, True]]) == 1
    # Of the first, one of three pairs agrees; of the second, all.
    assert agreement([[True, False, False], [False, False, False]]) == round(4 / 6, 4)


def test_a_run_that_was_stopped_goes_on(tmp_path):
    begun, other = tmp_path / "seed0", tmp_path / "seed1"
    begun.mkdir()
    assert command(0, begun, Config())[-1] == "--resume"
    fresh = command(1, other, Config())
    assert "--resume" not in fresh
    assert fresh[0] == sys.executable
    assert fresh[-2:] == ["--seed", "1"]
