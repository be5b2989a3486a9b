"""A memory that does not grow without end."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from adapter_mlflow.thread_lock import ThreadLock

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_Key = TypeVar("_Key", bound="Hashable")
_Value = TypeVar("_Value")


class Remembered(Generic[_Key, _Value]):
    """Values by keys; what was not asked for the longest is forgotten first. It may be used from several threads.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = ThreadLock()
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, key: _Key) -> _Value | None:
        """What is remembered under a key."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: _Key, value: _Value) -> _Value:
        """Remember a value in the place of an earlier one; gives it back."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def forget(self, key: _Key) -> None:
        """Remember nothing under a key."""
        with self._lock:
            self._values.pop(key, None)

    def forget_those(self, meant: Callable[[_Key], bool]) -> None:
        """Remember nothing under all keys that are meant."""
        with self._lock:
            for key in [key for key in self._values if meant(key)]:
                del self._values[key]

    def clear(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._values.clear()
