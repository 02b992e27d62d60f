import threading
from collections.abc import Generator

import pytest

from smt.data.ahead import ahead


@pytest.mark.parametrize("length", [0, 1, 2, 7])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_items_come_in_order_and_none_is_left_out(length: int, count: int) -> None:
    assert list(ahead((number for number in range(length)), count)) == [*range(length)]


def test_the_next_items_are_made_in_another_thread_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(5)]
    threads = set()

    def items() -> Generator[int]:
        for number, event in enumerate(made):
            threads.add(threading.current_thread())
            event.set()
            yield number

    given = ahead(items(), 2)
    next(given)
    assert made[2].wait(10)
    assert not made[3].is_set()
    next(given)
    assert made[3].wait(10)
    assert threading.main_thread() not in threads


def test_nothing_is_made_before_the_first_is_asked_for() -> None:
    made = []
    given = ahead((made.append(number) for number in range(3)), 2)
    assert made == []
    next(given)
    assert made


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Generator[int]:
        yield 1
        raise ValueError("no second one")

    given = ahead(items(), 2)
    assert next(given) == 1
    with pytest.raises(ValueError, match="no second one"):
        next(given)


def test_leaving_off_closes_the_generator_and_ends_its_thread() -> None:
    closed = []

    def items() -> Generator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    before = threading.active_count()
    given = ahead(items(), 2)
    next(given)
    given.close()
    assert closed
    assert threading.active_count() == before
