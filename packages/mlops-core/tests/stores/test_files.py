"""The artifact store over a folder."""

from __future__ import annotations

import errno
import io
import os
import socket
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlops_core.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ArtifactNotFoundError,
    BackendError,
    BackendUnavailableError,
    ConfigurationError,
    ConflictError,
    IntegrityError,
    InvalidNameError,
    UnsupportedOperationError,
)
from mlops_core.stores import file_objects
from mlops_core.stores.file_locks import exclusive_lock
from mlops_core.stores.files import FileArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BIG = 300 << 10  # above this size etags are not hashes


def keys(store: FileArtifactStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.find(prefix)]


def leftovers(root: Path) -> list[Path]:
    return list((root / "tmp").glob("*.*"))


def test_arguments_that_are_refused_touch_nothing(store: FileArtifactStore, root: Path) -> None:
    stream = io.BytesIO(b"1")
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (InvalidNameError, lambda: store.put("a//b", b"")),
        (InvalidNameError, lambda: store.put("tmp/a", b"")),
        (InvalidNameError, lambda: store.delete("../a")),
        (InvalidNameError, lambda: list(store.folders("a"))),
        (UnsupportedOperationError, lambda: store.put("a", stream, if_absent=True)),
        (ValueError, lambda: store.put("a", b"1", if_absent=True, if_match="etag")),
        (ValueError, lambda: store.open("a", start=-1)),
    ]
    for kind, call in calls:
        with pytest.raises(kind):
            call()
    store.delete("a")
    assert list(store.find()) == list(store.folders()) == []
    assert not root.exists()


def test_writes_that_fail_leave_no_temporary_file(store: FileArtifactStore, root: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise IntegrityError("wrong bytes")

    store.put("a", b"old")
    with pytest.raises(IntegrityError):
        store.put("a", Failing())
    with pytest.raises(AlreadyExistsError):
        store.put("a", b"new", if_absent=True)
    with pytest.raises(ConflictError):
        store.put("a", b"new", if_match="another etag")
    assert store.get("a").data == b"old"
    assert not leftovers(root)


@pytest.mark.parametrize("size", [1, BIG])
def test_a_refused_replacement_says_whether_it_was_changed_or_is_gone(store: FileArtifactStore, size: int) -> None:
    old = store.put("a", b"1" * size).etag
    new = store.put("a", b"2" * size, if_match=old).etag
    with pytest.raises(ConflictError, match="changed"):
        store.put("a", b"3" * size, if_match=old)
    store.delete("a")
    for key in ["a", "a/b"]:
        with pytest.raises(ConflictError, match="gone"):
            store.put(key, b"3", if_match=new)
    store.put("a", b"no folder that the refused writes have made is in its way")


@pytest.mark.parametrize("key", ["tmp/x", "tmp", "TMP/x", "a/" + "x" * 256])
def test_a_key_that_this_store_cannot_hold_is_refused(store: FileArtifactStore, key: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        store.put(key, b"")
    assert str(store.root) in str(caught.value)


@pytest.mark.parametrize("if_absent", [False, True])
@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c")])
def test_a_key_that_is_a_folder_of_another_is_refused(
    store: FileArtifactStore, first: str, second: str, if_absent: bool
) -> None:
    store.put(first, b"1")
    with pytest.raises(InvalidNameError, match="cannot be a key"):
        store.put(second, b"2", if_absent=if_absent)
    store.delete(first)
    store.put(second, b"2", if_absent=if_absent)
    assert keys(store) == [second]


def test_a_full_disk_is_a_backend_error_that_names_the_folder_and_is_not_tried_again(
    store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(file_objects, "sync_file", full)
    with pytest.raises(BackendError) as caught:
        store.put("a", b"1")
    assert str(root) in str(caught.value)
    assert "No space left" in caught.value.why
    assert isinstance(caught.value.__cause__, OSError)
    assert not caught.value.retryable
    assert not leftovers(root)


def test_an_error_of_the_stream_is_not_told_as_one_of_the_disk(store: FileArtifactStore, root: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "the caller's own disk")

    with pytest.raises(OSError, match="the caller's own disk") as caught:
        store.put("a", Broken())
    assert type(caught.value) is OSError
    assert not leftovers(root)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, AccessDeniedError),
        (errno.EROFS, AccessDeniedError),
        (errno.EIO, BackendUnavailableError),
        (errno.ENOSPC, BackendError),
    ],
)
def test_errors_of_the_disk_have_our_classes(number: int, kind: type[BackendError]) -> None:
    assert file_objects.classify_os_error(OSError(number, "")) is kind
    assert file_objects.classify_os_error(ValueError()) is None


@pytest.mark.usefixtures("ordinary_rights")
def test_a_read_only_folder_is_access_denied(store: FileArtifactStore, root: Path) -> None:
    root.mkdir()
    root.chmod(0o500)
    with pytest.raises(AccessDeniedError):
        store.put("a", b"")
    root.chmod(0o700)


def test_network_file_systems_are_refused_at_the_first_write(root: Path, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    spaced = str(root).replace(" ", "\\040")
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / {spaced} rw shared:1 - nfs4 host:/x rw\n")
    store = FileArtifactStore(root, mountinfo=mounts)
    assert keys(store) == []
    with pytest.raises(ConfigurationError, match="nfs4") as caught:
        store.put("a", b"")
    assert caught.value.hint
    mounts.write_text(mounts.read_text() + f"3 2 8:2 / {spaced} rw - ext4 /dev/b rw\n")
    store.put("a", b"")


def test_file_systems_without_hard_links_are_refused(
    store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(ConfigurationError, match="hard links"):
        store.put("a", b"")
    assert not leftovers(root)


def test_a_link_whose_answer_was_lost_counts_as_made(store: FileArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("other", b"")
    link = os.link

    def lossy(source: str, target: str) -> None:
        link(source, target)
        raise OSError(errno.EIO, "the answer was lost")

    monkeypatch.setattr(os, "link", lossy)
    assert store.put("a", b"1", if_absent=True) == store.stat("a")


def test_a_lock_that_stays_held_is_unavailable_after_its_time_limit(root: Path) -> None:
    store = FileArtifactStore(root, lock_timeout=0.05)
    store.put("a", b"1")
    locks = sorted((root / "tmp" / "locks").iterdir())
    assert len(locks) == 1
    with exclusive_lock(locks[0], timeout=1), pytest.raises(BackendUnavailableError, match="lock"):
        store.put("a", b"2")
    assert store.get("a").data == b"1"


def test_what_somebody_else_put_there_is_not_followed(store: FileArtifactStore, root: Path, tmp_path: Path) -> None:
    store.put("a", b"1")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    assert keys(store) == ["a"]
    with pytest.raises(ArtifactNotFoundError):
        store.get("link")


def test_temporary_files_and_locks_are_never_listed(store: FileArtifactStore, root: Path) -> None:
    store.put("a", b"1")
    (root / "tmp" / "killed.part").write_bytes(b"half")
    assert keys(store) == ["a"]
    assert keys(store, "tmp/") == []
    assert keys(store, "t") == []


def test_the_etag_of_a_big_object_changes_with_every_write(store: FileArtifactStore) -> None:
    etags = {store.put("a", b"x" * BIG).etag for _ in range(5)}
    assert len(etags) == 5


def test_etags_of_big_objects_do_not_rest_on_the_clock_nor_on_inodes(
    store: FileArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some file systems give a freed inode away at once, and some kernels' file clocks stand still for milliseconds.
    given: dict[int, int] = {}
    set_times, fstat = os.utime, os.fstat

    def utime(path: Path, *, ns: tuple[int, int]) -> None:
        given[path.stat().st_ino] = ns[1]
        set_times(path, ns=ns)

    def frozen(descriptor: int) -> SimpleNamespace:
        found = fstat(descriptor)
        modified = given.get(found.st_ino, 0)
        return SimpleNamespace(st_size=found.st_size, st_mode=found.st_mode, st_ino=1, st_mtime_ns=modified)

    monkeypatch.setattr(os, "utime", utime)
    monkeypatch.setattr(os, "fstat", frozen)
    etags = {store.put("a", bytes([number]) * BIG).etag for number in range(20)}
    assert len(etags) == 20


def test_the_time_of_a_big_object_is_right_to_the_second_and_of_a_small_one_exact(store: FileArtifactStore) -> None:
    small = [store.put(str(number), b"1").modified_at for number in range(5)]
    assert small == sorted(small)
    assert abs(store.put("big", b"1" * BIG).modified_at - small[-1]) < timedelta(seconds=2)


@pytest.mark.parametrize("key", ["plots", "plots/deep"])
@pytest.mark.parametrize("if_absent", [False, True])
def test_empty_folders_that_a_killed_write_has_left_block_no_key(
    store: FileArtifactStore, root: Path, key: str, if_absent: bool
) -> None:
    (root / "plots" / "deep" / "deeper").mkdir(parents=True)
    (root / "plots" / "deep" / "too").mkdir(parents=True)
    store.put(key, b"x", if_absent=if_absent)
    assert keys(store) == [key]


def test_a_folder_that_is_not_empty_is_left_as_it_is(store: FileArtifactStore, root: Path) -> None:
    store.put("plots/one", b"1")
    with pytest.raises(InvalidNameError, match="cannot be a key"):
        store.put("plots", b"x")
    assert keys(store) == ["plots/one"]
    (root / "plots" / "one").rename(root / "plots" / "no key\n")
    with pytest.raises(InvalidNameError, match="cannot be a key"):
        store.put("plots", b"x")
    assert (root / "plots" / "no key\n").read_bytes() == b"1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_and_a_socket_are_no_objects_and_nobody_waits_for_them(
    store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a", b"1")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert keys(store) == ["a"]
        for name in ["pipe", "socket"]:
            with pytest.raises(ArtifactNotFoundError):
                store.get(name)


def test_a_deletion_waits_for_a_replacement_that_has_checked_its_condition(
    store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = store.put("a", b"1").etag
    deletion = threading.Thread(target=store.delete, args=("a",))
    replace = type(root).replace

    def beside_a_deletion(source: Path, target: Path) -> Path:
        deletion.start()
        deletion.join(0.1)
        return replace(source, target)

    monkeypatch.setattr(type(root), "replace", beside_a_deletion)
    store.put("a", b"2", if_match=etag)
    deletion.join()
    assert keys(store) == []


def test_concurrent_creating_and_deleting_in_one_folder_fails_nobody(store: FileArtifactStore) -> None:
    errors: list[BaseException] = []

    def churn(name: str) -> None:
        try:
            for _ in range(40):
                store.put(f"a/b/{name}", b"", if_absent=True)
                store.delete(f"a/b/{name}")
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=churn, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert keys(store) == []


_PARTS = st.text(alphabet="ab-. /0Zé%", min_size=1, max_size=4)
_STEPS = st.lists(st.tuples(st.sampled_from(["put", "create", "delete"]), _PARTS, st.binary(max_size=3)), max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, prefix=st.text(alphabet="ab-. /0Zé%", max_size=3))
def test_it_behaves_like_a_dictionary_in_order_of_bytes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, bytes]], prefix: str
) -> None:
    store = FileArtifactStore(tmp_path_factory.mktemp("store"))
    model: dict[str, bytes] = {}
    for action, key, data in steps:
        try:
            if action == "delete":
                store.delete(key)
                model.pop(key, None)
            else:
                store.put(key, data, if_absent=action == "create")
                assert action == "put" or key not in model
                model[key] = data
        except InvalidNameError:
            parts = key.split("/")
            clash = any(key.startswith(f"{each}/") or each.startswith(f"{key}/") for each in model)
            assert clash or any(part in {"", ".", ".."} for part in parts)
        except AlreadyExistsError:
            assert action == "create"
            assert key in model
    expected = sorted((key for key in model if key.startswith(prefix)), key=str.encode)
    assert keys(store, prefix) == expected
    assert {key: store.get(key).data for key in model} == model
