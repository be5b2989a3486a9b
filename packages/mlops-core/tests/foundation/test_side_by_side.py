from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from mlops_core.manifest import PackageFile
from mlops_core.side_by_side import MANY, SMALL, THREADS, for_each_file

if TYPE_CHECKING:
    from collections.abc import Sequence


def files(count: int, *, size: int = 10) -> list[PackageFile]:
    return [PackageFile(path=f"{number:04}", size=size, sha256="0" * 64) for number in range(count)]


def test_a_few_files_are_taken_one_after_the_other_in_their_order_by_the_caller_itself() -> None:
    taken: list[tuple[str, int]] = []
    for_each_file(files(MANY - 1), lambda file: taken.append((file.path, threading.get_ident())))
    assert taken == [(file.path, threading.get_ident()) for file in files(MANY - 1)]


def test_many_files_are_taken_once_each_and_so_many_at_a_time() -> None:
    together = threading.Barrier(THREADS)  # each step waits until as many are under way
    lock = threading.Lock()
    taken: list[str] = []
    under_way = most = 0

    def step(file: PackageFile) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            taken.append(file.path)
        together.wait(10)
        with lock:
            under_way -= 1

    for_each_file(files(10 * THREADS), step)
    assert sorted(taken) == [file.path for file in files(10 * THREADS)]
    assert most == THREADS


def test_large_files_are_taken_one_after_the_other_however_many_by_the_caller_itself() -> None:
    taken: list[tuple[int, int]] = []
    mixed = [*files(MANY, size=SMALL), *files(MANY, size=SMALL + 1)]
    for_each_file(mixed, lambda file: taken.append((file.size, threading.get_ident())))
    assert taken[MANY:] == [(SMALL + 1, threading.get_ident())] * MANY
    assert {size for size, _ in taken[:MANY]} == {SMALL}
    assert threading.get_ident() not in {thread for _, thread in taken[:MANY]}


@pytest.mark.parametrize("count", [MANY - 1, 500])
def test_after_a_failure_nothing_else_is_begun_and_what_was_begun_is_finished(count: int) -> None:
    begun: list[str] = []
    finished: list[str] = []

    def step(file: PackageFile) -> None:
        begun.append(file.path)
        if file.path == "0007":
            raise ValueError(file.path)
        time.sleep(0.005)
        finished.append(file.path)

    with pytest.raises(ValueError, match="0007"):
        for_each_file(files(count), step)
    assert sorted(begun) == sorted([*finished, "0007"])
    assert len(begun) < 100
    still: Sequence[str] = tuple(finished)
    time.sleep(0.02)
    assert tuple(finished) == still


def test_of_several_failures_the_first_in_order_is_raised() -> None:
    everybody = threading.Barrier(THREADS)

    def step(file: PackageFile) -> None:
        everybody.wait(10)
        if file.path == "0002":
            time.sleep(0.02)
        raise ValueError(file.path)

    with pytest.raises(ValueError, match="000") as caught:
        for_each_file(files(5 * THREADS), step)
    assert str(caught.value) == "0000"


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    for_each_file(files(100), lambda _: None)
    assert threading.active_count() == before
