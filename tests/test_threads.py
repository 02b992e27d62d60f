import pytest
import scipy.linalg.blas  # noqa: F401
import torch
from threadpoolctl import threadpool_info

from smt.threads import one_thread


@pytest.fixture(autouse=True)
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_threads_are_as_many_as_before():
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_threads_are_as_many_as_before_after_an_error():
    with pytest.raises(RuntimeError, match="inside"), one_thread():
        raise RuntimeError("inside")
    assert torch.get_num_threads() == 2


def test_linear_algebra_has_one_thread_too():
    with one_thread():
        threads = {pool["internal_api"]: pool["num_threads"] for pool in threadpool_info()}
    assert "openblas" in threads
    assert set(threads.values()) == {1}
