"""Promises ``keys_obey_one_grammar`` and ``keys_are_never_merged``."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.errors import InvalidNameError
from mlops_core.testing.artifact_store.base import (
    KEY,
    ArtifactStorePart,
    assert_missing,
    contents,
    readers,
    refused_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor

OUTSIDE_THE_GRAMMAR: Final[Mapping[str, str]] = {
    "empty": "",
    "absolute": "/a",
    "a folder": "a/",
    "an empty part": "a//b",
    "this folder": ".",
    "this folder inside": "a/./b",
    "this folder at the end": "a/.",
    "the folder above": "..",
    "above the root": "../a",
    "up and down": "a/../b",
    "above at the end": "a/..",
    "NUL": "a\0b",
    "a line end": "a\nb",
    "a carriage return": "a\rb",
    "delete": "a\x7fb",
    "a control character above ASCII": "a\x85b",
    "a lone surrogate": "a\ud800b",
    "901 bytes": "/".join(["x" * 100] * 9)[:900] + "y",
    "901 bytes in fewer characters": "ä" * 100 + "/" + "ä" * 100 + "/" + "ä" * 100 + "/" + "ä" * 100 + "/" + "x" * 97,
    "very long": "x/" * 5_000 + "x",
}
"""What is no key, by what is wrong with it."""
TAKEN_EVERYWHERE: Final = (
    "a",
    "deep/" * 20 + "down",
    "with spaces/ and more ",
    "...",
    "dots/..b/c..",
    "~/x",
    "-rf",
    "%2e%2e/%2F%00",
    "a+b=c&d#e@f!g,h;i",
    "(1) [2] {3} $4 ^5 `6'",
    "Größe/naïve/日本語/🚀",
    "right-to-left \u202e gnp.exe",
    "zero\u200bwidth",
    "CON",
    "x" * 255,
    "/".join(["y" * 100] * 9)[:900],
    "/".join(["ä" * 100] * 4) + "/" + "x" * 96,
)
"""Keys that every store takes as they are."""
TAKEN_OR_REFUSED: Final = (
    'a:b|c?d*e<f>g"h',
    "back\\slash",
    "C:\\x",
    "x" * 256,
    "x" * 900,
    "tmp/a",
    "trailing dot.",
    "é" * 200,
)
"""Keys that some stores cannot hold."""


class Keys(ArtifactStorePart):
    """What a key is."""

    @pytest.mark.parametrize("wrong", sorted(OUTSIDE_THE_GRAMMAR))
    def test_keys_obey_one_grammar(self, store: ArtifactStore, back_door: ArtifactStoreBackDoor, wrong: str) -> None:
        """What is no key is refused by every method, with the rule quoted, and nothing is stored.

        If this fails: call ``mlops_core.stores.keys.check_key`` first in every method that takes a key.
        """
        key = OUTSIDE_THE_GRAMMAR[wrong]
        calls: dict[str, Callable[[], object]] = {
            **readers(store, key),
            "put": lambda: store.put(key, b"1"),
            "delete": lambda: store.delete(key),
        }
        for name, call in calls.items():
            with pytest.raises(InvalidNameError) as caught:
                call()
            assert all([caught.value.what, caught.value.why, caught.value.hint]), f"{name}: a part is empty"
        assert list(back_door.keys()) == []

    def test_keys_obey_one_grammar__and_are_never_altered(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """What is a key is stored under exactly this key, as the vendor's own tools see it.

        If this fails: the adapter or the vendor's client escapes, strips, normalises or cuts keys. Undo what it does,
        or encode so that no two keys are one.
        """
        for number, key in enumerate(TAKEN_EVERYWHERE):
            assert store.put(key, b"%d" % number).key == key
            assert store.stat(key).key == store.get(key).info.key == key
        expected = {key: b"%d" % number for number, key in enumerate(TAKEN_EVERYWHERE)}
        assert contents(store) == expected
        assert {key: back_door.read(key) for key in back_door.keys()} == expected  # noqa: SIM118 (no mapping)

    def test_keys_obey_one_grammar__from_the_back_door_too(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """What the vendor's own tools have stored under a key is found under exactly this key.

        If this fails: the adapter encodes keys, and so cannot read what it has not written.
        """
        for number, key in enumerate(TAKEN_EVERYWHERE):
            back_door.write(key, b"%d" % number)
        assert contents(store) == {key: b"%d" % number for number, key in enumerate(TAKEN_EVERYWHERE)}
        store.delete(TAKEN_EVERYWHERE[0])
        assert sorted(back_door.keys()) == sorted(TAKEN_EVERYWHERE[1:])

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Race/x", "race/x"),
            ("x/README", "x/readme"),
            ("straße", "strasse"),
            (unicodedata.normalize("NFC", "é/x"), unicodedata.normalize("NFD", "é/x")),
            (unicodedata.normalize("NFC", "a/ångström"), unicodedata.normalize("NFD", "a/ångström")),
            ("ﬁle", "file"),
            ("x", "x "),
            ("x", "x."),
            ("x", "x\u200b"),
            ("x/y", "x%2Fy"),
            ("a b", "a+b"),
            ("a b", "a%20b"),
        ],
    )
    def test_keys_are_never_merged(self, store: ArtifactStore, first: str, second: str) -> None:
        """Twins are two objects, or the second one is refused; each reads and deletes its own only.

        If this fails: the adapter, the vendor or the file system folds case, normal forms, blanks or escapes. Compare
        keys exactly, and refuse with ``InvalidNameError`` what cannot be told apart.
        """
        for one, other in ((first, second), (second, first)):
            store.put(one, b"one")
            assert_missing(store, other)
            refused = refused_key(lambda key=other: store.put(key, b"other"))
            assert contents(store) == ({one: b"one"} if refused else {one: b"one", other: b"other"})
            store.delete(other)
            assert contents(store) == {one: b"one"}
            store.delete(one)

    def test_keys_are_never_merged__nor_altered_where_some_stores_refuse(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """A key that is hard for some stores is held as it is, or refused when it is put and missing when read.

        If this fails: the store took the key and holds it under another one, or failed with an error of the vendor.
        """
        taken: list[str] = []
        for key in TAKEN_OR_REFUSED:
            if refused_key(lambda key=key: store.put(key, b"1")):
                assert_missing(store, key)
                store.delete(key)
            else:
                taken.append(key)
        assert contents(store) == dict.fromkeys(taken, b"1")
        assert sorted(back_door.keys()) == sorted(taken)

    def test_keys_are_never_merged__beside_the_key_of_a_folder(self, store: ArtifactStore) -> None:
        """``a`` beside ``a/b`` is another object or is refused, whichever is first; then nothing has changed.

        If this fails: where keys are paths, one of the two is a file and a folder at once. Refuse the second one with
        ``InvalidNameError``.
        """
        for first, second in (("a", "a/b"), ("a/b", "a"), ("a", "a/b/c"), ("a/b/c", "a")):
            store.put(first, b"1")
            assert_missing(store, second)
            store.delete(second)
            refused = refused_key(lambda key=second: store.put(key, b"2"))
            assert contents(store) == ({first: b"1"} if refused else {first: b"1", second: b"2"})
            store.delete(first)
            store.put(second, b"3")
            assert contents(store) == {second: b"3"}
            store.delete(second)

    def test_keys_are_never_merged__with_what_begins_alike(self, store: ArtifactStore) -> None:
        """Keys of which one begins with another are objects of their own.

        If this fails: the adapter reads or deletes by prefix where it should by key.
        """
        twins = [KEY, f"{KEY}2", f"{KEY}.bak", f"{KEY} ", KEY[:-1]]
        for number, key in enumerate(twins):
            store.put(key, b"%d" % number)
        store.delete(KEY)
        assert_missing(store, KEY)
        assert contents(store) == {key: b"%d" % number for number, key in enumerate(twins) if key != KEY}
