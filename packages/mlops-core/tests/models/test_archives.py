from __future__ import annotations

import io
import stat
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_core.errors import IntegrityError, MlopsError
from mlops_core.models import archive_checks
from mlops_core.models.archive_checks import check_archive
from mlops_core.models.canonical_skops import canonical_skops
from mlops_core.models.serializers import deserialize
from mlops_core.models.trust import TrustPolicy

from .crafted import archive

SOUND = canonical_skops({"numbers": np.arange(5.0), "text": "x"})


def special(mode: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        info = zipfile.ZipInfo("0.npy")
        info.external_attr = mode << 16
        written.writestr(info, b"/etc/passwd")
    return buffer.getvalue()


BAD = {
    "no archive": b"not a zip",
    "nothing": b"",
    "absolute": archive([("/etc/passwd", b"")]),
    "parent": archive([("a/../../b", b"")]),
    "backslash": archive([("a\\b", b"")]),
    "drive": archive([("C:x", b"")]),
    "folder": archive([("a/", b"")]),
    "link": special(stat.S_IFLNK | 0o777),
    "bomb": archive([("zeros", bytes(20 << 20))], compressed=True),
    "inner bomb": archive([("0.npz", archive([("zeros.npy", bytes(20 << 20))], compressed=True))]),
}


@pytest.mark.parametrize("kind", BAD)
def test_archives_that_no_honest_writer_makes_are_refused(kind: str) -> None:
    with pytest.raises(IntegrityError, match="not a sound archive") as caught:
        check_archive(BAD[kind], where="model.skops")
    assert caught.value.where == "model.skops"
    assert caught.value.why


def test_a_member_named_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = archive([("schema.json", b"{}"), ("schema.json", b"[]")])
    with pytest.raises(IntegrityError, match="named twice"):
        check_archive(data, where="model.skops")


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_checks, "MAX_MEMBERS", 2)
    check_archive(archive([("a", b""), ("b", b"")]), where="model.skops")
    with pytest.raises(IntegrityError, match="3 members, at most 2"):
        check_archive(archive([("a", b""), ("b", b""), ("c", b"")]), where="model.skops")


def test_what_this_library_writes_is_sound_also_when_compressed() -> None:
    check_archive(SOUND, where="model.skops")
    check_archive(archive([("text", b"some text, " * 5_000)], compressed=True), where="model.skops")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SOUND) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_an_error_of_ours_or_harmless(position: int, change: int) -> None:
    data = bytearray(SOUND)
    data[position] ^= change
    with suppress(MlopsError):
        deserialize(bytes(data), "skops", trust=TrustPolicy())


def test_a_schema_that_is_no_json_is_no_model() -> None:
    for schema in (b"\xff", b"[1]", b"{", b'{"a": 1, "a": 2}'):
        with pytest.raises(IntegrityError):
            deserialize(archive([("schema.json", schema)]), "skops", trust=TrustPolicy())
    with pytest.raises(IntegrityError, match="no skops file"):
        deserialize(archive([("other.json", b"{}")]), "skops", trust=TrustPolicy())
