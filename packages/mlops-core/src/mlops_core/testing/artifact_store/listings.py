"""Promises ``find_is_in_key_order`` and ``folders_are_the_next_parts``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.errors import InvalidNameError
from mlops_core.testing.artifact_store.base import ArtifactStorePart, keys

if TYPE_CHECKING:
    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor, StoreUnderTest

IN_ORDER: Final = (
    "Q",
    "Z/z",
    "_",
    "a b",
    "a!",
    "a-b/c",
    "a.b",
    "a/X",
    "a/b",
    "a/b.c",
    "a/b0",
    "a0",
    "a10",
    "a2",
    "aa",
    "b%",
    "b*",
    "b[1]",
    "b_",
    "b~",
    "z",
    "ä",
    "ｱ",
    "🚀",
)
"""Keys without twins in the order of their UTF-8 bytes: not an alphabet's, UTF-16's, or folder by folder."""
NO_PREFIX_OF_ANY: Final = ("/", "a//", "../", "./", "a/../b", "\0", "a\n", "\ud800", "x" * 2_000, "tmp/..")
"""What no key can begin with."""


class Listings(ArtifactStorePart):
    """What ``find`` and ``folders`` give."""

    def test_find_is_in_key_order(self, store: ArtifactStore, back_door: ArtifactStoreBackDoor) -> None:
        """Keys come in the order of their UTF-8 bytes, in whatever order they were written.

        If this fails: the vendor sorts by another rule, or folder by folder; then sort, or read folders so that a name
        with its slash is compared.
        """
        for number, key in enumerate(reversed(IN_ORDER)):
            if number % 2:
                back_door.write(key, b"")
            else:
                store.put(key, b"")
        assert keys(store) == list(IN_ORDER)

    def test_find_is_in_key_order__and_its_prefix_is_literal(self, store: ArtifactStore) -> None:
        """A prefix is compared letter by letter, ends anywhere, and has no wildcards.

        If this fails: the prefix is read as a pattern, as a folder, or in another case.
        """
        for key in IN_ORDER:
            store.put(key, b"")
        prefixes = {each[:size] for each in IN_ORDER for size in range(1, len(each) + 1)}
        prefixes |= {"a/", "A/", "Z", "%", "b%%", "b.", ".", "a?", "a\\", "a/b/", "b[", "[", "*", "", "ä/", "aaa"}
        for prefix in sorted(prefixes):
            assert keys(store, prefix) == [key for key in IN_ORDER if key.startswith(prefix)], f"with prefix {prefix!r}"

    def test_find_is_in_key_order__says_what_stat_says(self, store: ArtifactStore) -> None:
        """Each object is listed with the size, etag and time that ``stat`` gives.

        If this fails: the vendor's listing quotes etags, or tells times more or less exactly than its other answers.
        """
        store.put("a/small", b"1")
        store.put("a/empty", b"")
        store.put("b", b"2" * 300_001)
        assert list(store.find()) == [store.stat(key) for key in ("a/empty", "a/small", "b")]

    def test_find_is_in_key_order__beyond_one_page(self, subject: StoreUnderTest) -> None:
        """However many keys there are, each is found once.

        If this fails: only the vendor's first page is read, or its marker is taken for a key.
        """
        expected = [f"many/{number:05}/x" for number in range(self.many)]
        for key in reversed(expected):
            subject.back_door.write(key, b"")
        assert keys(subject.store) == expected
        assert keys(subject.store, "many/00") == [key for key in expected if key.startswith("many/00")]

    def test_find_is_in_key_order__a_prefix_that_no_key_has_finds_nothing(self, store: ArtifactStore) -> None:
        """A prefix need not be a key: what no key can begin with finds nothing and is no error.

        If this fails: the prefix is checked like a key, resolved like a path, or sent to a vendor who refuses it.
        """
        store.put("a/b", b"")
        store.put("c", b"")
        for prefix in (*NO_PREFIX_OF_ANY, "b", "a/b/", "c/", "A/"):
            assert keys(store, prefix) == [], f"with prefix {prefix!r}"

    def test_find_is_in_key_order__while_others_write(self, subject: StoreUnderTest) -> None:
        """What is there all the while is found once, though keys around it come and go, and nothing fails.

        If this fails: pages are counted by number instead of going on after the last key; or an object that was listed
        and is gone since is an error.
        """
        store, other = subject.store, subject.another()
        staying = [f"k/{number:05}/stays" for number in range(self.many)]
        going = [f"k/{number:05}/goes" for number in range(self.many)]
        for key in (*staying, *going):
            subject.back_door.write(key, b"")
        found = store.find("k/")
        seen = [info.key for info in islice(found, self.many // 2)]
        for key in going:
            other.delete(key)
        other.put("k/00000/later", b"")
        other.put("k/99999/later", b"")
        seen += [info.key for info in found]
        assert [key for key in seen if key in staying] == staying
        assert seen == sorted(set(seen))
        assert set(seen) <= {*staying, *going, "k/00000/later", "k/99999/later"}

    def test_find_is_in_key_order__read_from_the_first_step_each_time(self, subject: StoreUnderTest) -> None:
        """Each call looks anew, and a listing that is not read to its end leaves nothing behind.

        If this fails: an iterator is kept and given twice, or the listing is cached.
        """
        store = subject.store
        assert keys(store) == []
        for key in ("a", "b", "c"):
            store.put(key, b"")
        assert next(iter(store.find())).key == "a"
        store.delete("a")
        assert keys(store) == keys(subject.another()) == ["b", "c"]
        first, second = store.find(), store.find()
        assert [next(first).key, next(second).key, next(first).key, next(second).key] == ["b", "b", "c", "c"]

    def test_folders_are_the_next_parts(self, store: ArtifactStore, back_door: ArtifactStoreBackDoor) -> None:
        """Each next part is given once, in the order in which ``find`` comes to its first key; objects are none.

        If this fails: look at keys without a further slash, at parts of which one begins with another, and at the order
        of ``a-b/`` before ``a/``.
        """
        held = ["a/b/1", "a/b/2", "a/c/d/e", "a/d", "a/b.x/1", "a/b-x/1", "a/X/1", "ab/c", "z"]
        for number, key in enumerate(held):
            if number % 2:
                back_door.write(key, b"")
            else:
                store.put(key, b"")
        expected = {
            "": ["a", "ab"],
            "a/": ["X", "b-x", "b.x", "b", "c"],
            "a/c/": ["d"],
            "a/b/": [],
            "a/d/": [],
            "absent/": [],
            "A/": [],
        }
        assert {prefix: list(store.folders(prefix)) for prefix in expected} == expected
        for prefix in expected:
            reached = (key.removeprefix(prefix).partition("/") for key in keys(store, prefix))
            assert list(store.folders(prefix)) == list(dict.fromkeys(part for part, slash, _ in reached if slash))

    def test_folders_are_the_next_parts__beyond_one_page(self, subject: StoreUnderTest) -> None:
        """However many folders there are, and however many keys are in one, each is given once.

        If this fails: only the vendor's first page is read, or a page that ends within a folder gives it twice.
        """
        for number in range(self.many):
            subject.back_door.write(f"many/{number:05}/x", b"")
            subject.back_door.write(f"one/folder/{number:05}", b"")
        assert list(subject.store.folders("many/")) == [f"{number:05}" for number in range(self.many)]
        assert list(subject.store.folders("one/")) == ["folder"]
        assert list(subject.store.folders()) == ["many", "one"]

    def test_folders_are_the_next_parts__as_long_as_they_have_a_key(self, subject: StoreUnderTest) -> None:
        """A folder comes with its first key and goes with its last one.

        If this fails: the adapter makes markers for folders, or leaves empty ones behind.
        """
        store, other = subject.store, subject.another()
        store.put("a/b/c/1", b"")
        store.put("a/b/c/2", b"")
        assert list(other.folders("a/")) == ["b"]
        store.delete("a/b/c/1")
        assert list(other.folders("a/b/")) == ["c"]
        store.delete("a/b/c/2")
        assert list(other.folders()) == list(other.folders("a/")) == list(other.folders("a/b/")) == []

    @pytest.mark.parametrize(
        "prefix", ["a", "a/b", "/", "/a/", "a//", "../", "a/./", "a\n/", "\ud800/", "x" * 901 + "/"]
    )
    def test_folders_are_the_next_parts__of_a_prefix_that_is_a_folder(self, store: ArtifactStore, prefix: str) -> None:
        """The prefix is nothing, or a key and a slash; else the mistake is told, before the first folder.

        If this fails: call ``mlops_core.stores.keys.check_folder_prefix`` first.
        """
        store.put("a/b/c", b"")
        with pytest.raises(InvalidNameError) as caught:
            list(store.folders(prefix))
        assert all([caught.value.what, caught.value.why, caught.value.hint])
