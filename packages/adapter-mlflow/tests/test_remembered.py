"""A memory that does not grow without end."""

from __future__ import annotations

from adapter_mlflow.remembered import Remembered


def test_what_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    memory = Remembered[str, int](2)
    assert memory.put("a", 1) == 1
    memory.put("b", 2)
    assert memory.get("a") == 1
    memory.put("c", 3)
    assert [memory.get(each) for each in "abc"] == [1, None, 3]
    memory.put("a", 4)
    memory.put("d", 5)
    assert [memory.get(each) for each in "acd"] == [4, None, 5]


def test_it_forgets_what_it_is_told_to() -> None:
    memory = Remembered[str, int](10)
    for number, key in enumerate("abcd"):
        memory.put(key, number)
    memory.forget("a")
    memory.forget("never there")
    memory.forget_those(lambda key: key > "b")
    assert [memory.get(each) for each in "abcd"] == [None, 1, None, None]
    memory.clear()
    assert memory.get("b") is None
