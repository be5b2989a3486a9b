from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import ArtifactNotFoundError, IntegrityError
from mlops_core.json_values import JsonValue, canonical_json, digest_of, read_json_object, to_json_value
from mlops_core.manifest import FORMAT_VERSION, FolderPackage, Manifest, PackageFile, open_verified, verified_chunks
from mlops_core.signature import FeatureColumn, InputColumn, Signature
from mlops_core.testing import make_package
from mlops_core.testing.model_registry.odd_packages import WatchedPackage

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SHA256 = st.binary(max_size=8).map(lambda data: hashlib.sha256(data).hexdigest())
JSON = cast(
    "st.SearchStrategy[JsonValue]",
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53 - 1), 2**53 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    ),
)
PARAMETERS = st.dictionaries(TEXT, JSON, max_size=3)
COLUMNS = st.builds(
    FeatureColumn,
    name=TEXT,
    dtype=st.sampled_from(["int64", "string", "datetime[us, UTC]"]),
    feature=TEXT,
    version=st.integers(1, 99),
    fingerprint=SHA256,
    parameters=PARAMETERS,
    needs=st.lists(TEXT, max_size=2).map(tuple),
    source=st.none() | TEXT,
    rule=TEXT,
)
SIGNATURES = st.builds(
    Signature,
    inputs=st.lists(st.builds(InputColumn, name=TEXT, dtype=TEXT), max_size=3).map(tuple),
    features=st.lists(COLUMNS, max_size=3).map(tuple),
    label=st.just("late"),
    label_dtype=st.just("bool"),
    at=st.none() | TEXT,
    known_at=st.booleans(),
)


def files_of(paths: list[str]) -> tuple[PackageFile, ...]:
    return tuple(
        PackageFile(path=path, size=len(path), sha256=hashlib.sha256(path.encode()).hexdigest())
        for path in sorted(set(paths))
    )


FILES = st.lists(st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4})?\.[a-z]{1,4}", fullmatch=True), max_size=4).map(files_of)
MANIFESTS = st.builds(
    Manifest,
    framework=TEXT,
    model_file=st.just("model.skops"),
    serializer=TEXT,
    files=FILES,
    signature=st.none() | SIGNATURES,
    parameters=PARAMETERS,
    dataset_digest=st.none() | SHA256,
    requirements=st.lists(TEXT, max_size=2).map(tuple),
)


@given(MANIFESTS)
def test_a_manifest_reads_back_as_it_was_written_and_its_digest_is_that_of_its_bytes(manifest: Manifest) -> None:
    data = manifest.to_bytes()
    again = Manifest.from_bytes(data, where="here")
    assert again == manifest
    assert again.to_bytes() == data
    assert manifest.digest == hashlib.sha256(data).hexdigest()


@given(JSON)
def test_canonical_json_has_one_spelling_whatever_the_order_of_keys(value: JsonValue) -> None:
    def turned(each: JsonValue) -> JsonValue:
        if isinstance(each, dict):
            return {key: turned(inner) for key, inner in reversed(list(each.items()))}
        return [turned(inner) for inner in each] if isinstance(each, list) else each

    assert canonical_json(turned(value)) == canonical_json(value)
    assert digest_of(turned(value)) == digest_of(value)
    wrapped = canonical_json({"value": value})
    assert canonical_json(read_json_object(wrapped, what="a value", where="here")) == wrapped


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60])
def test_canonical_json_refuses_what_json_cannot_hold_exactly(value: float) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)
    assert canonical_json(to_json_value(value)) == json.dumps(repr(value)).encode()


def changed(**changes: JsonValue) -> bytes:
    manifest = Manifest(framework="sklearn", model_file="m", serializer="skops", files=files_of(["m"]))
    return canonical_json({**cast("dict[str, JsonValue]", json.loads(manifest.to_bytes())), **changes})


def file_entry(path: str, sha256: str = "0" * 64) -> JsonValue:
    return [{"path": path, "size": 1, "sha256": sha256}]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"nonsense", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": ' + b"9" * 5_000 + b"}", b"[" * 100_000, b"\xff",
        changed(files=file_entry("../evil")), changed(files=file_entry("/etc/passwd")), changed(files=file_entry("a/../../b")),
        changed(files=file_entry("C:\\x")), changed(files=file_entry("a\\b")), changed(files=file_entry("package.json")),
        changed(files=file_entry("SHA256SUMS")), changed(files=file_entry("./a")), changed(files=file_entry("")),
        changed(files=file_entry("a\0b")), changed(files=file_entry("m", sha256="xyz")), changed(files=file_entry("m", sha256="A" * 64)),
        changed(files=[{"path": "m", "size": 1, "sha256": "0" * 64}] * 2), changed(model_file="../m"), changed(requirements="text"),
        changed(framework=3), changed(format_version="1"), changed(signature={"features": []}),
    ],
)  # fmt: skip
def test_bytes_that_are_no_manifest_or_would_leave_the_folder_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        Manifest.from_bytes(data, where="somewhere")
    assert caught.value.why


def test_a_newer_format_is_refused_with_what_to_install() -> None:
    with pytest.raises(IntegrityError, match="newer format") as caught:
        Manifest.from_bytes(changed(format_version=FORMAT_VERSION + 1), where="somewhere")
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("path", ["m", "package.json", "never-there"])
def test_a_file_that_the_folder_lacks_is_an_artifact_not_found(tmp_path: Path, path: str) -> None:
    manifest = Manifest(framework="sklearn", model_file="m", serializer="skops", files=files_of(["m"]))
    with pytest.raises(ArtifactNotFoundError, match=path) as caught:
        FolderPackage(tmp_path, manifest).open(path)
    assert caught.value.subject == path
    assert caught.value.why


def test_a_package_in_a_folder_is_verified_byte_by_byte(tmp_path: Path) -> None:
    manifest = Manifest(framework="sklearn", model_file="m", serializer="skops", files=files_of(["m", "n"]))
    for name in ("m", "n"):
        (tmp_path / name).write_text(name)
    (tmp_path / "package.json").write_bytes(manifest.to_bytes())
    (tmp_path / "extra").write_text("ignored")
    package = FolderPackage.read(tmp_path)
    package.verify()
    (tmp_path / "n").write_text("N")
    with pytest.raises(IntegrityError, match="'n' is not the file"):
        package.verify()
    (tmp_path / "n").unlink()
    with pytest.raises(IntegrityError, match="'n' of the package is missing"):
        package.verify()
    with pytest.raises(ArtifactNotFoundError):
        package.open("extra")


def test_a_folder_without_a_manifest_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not a package"):
        FolderPackage.read(tmp_path)


@pytest.mark.parametrize(
    ("data", "why"), [(b"ab", "2 of 3 bytes"), (b"abcd", "more than 3 bytes"), (b"abd", "SHA-256")]
)
def test_a_stream_of_wrong_bytes_raises_before_it_ends_well(data: bytes, why: str) -> None:
    expected = PackageFile(path="m", size=3, sha256=hashlib.sha256(b"abc").hexdigest())
    assert b"".join(verified_chunks(io.BytesIO(b"abc"), expected, where="here")) == b"abc"
    with pytest.raises(IntegrityError) as caught:
        list(verified_chunks(io.BytesIO(data), expected, where="here"))
    assert why in caught.value.why


def test_a_file_of_a_package_is_verified_while_it_is_read_and_closed_with_its_stream() -> None:
    package = make_package(b"abc")
    entry = package.manifest.file("model.bin")
    with open_verified(package, entry, where="here") as stream:
        assert (stream.read(1), stream.read(), stream.read()) == (b"a", b"bc", b"")
    below = io.BytesIO(b"abd")
    changed = WatchedPackage(package=package, on_open=lambda _path, _stream: below)
    with open_verified(changed, entry, where="here") as stream, pytest.raises(IntegrityError, match="SHA-256"):
        stream.read()
    assert below.closed
    lost = replace(package, files={})
    with pytest.raises(IntegrityError, match=r"'model\.bin' of the package is missing"):
        open_verified(lost, entry, where="here")


def test_what_the_manifest_does_not_name_is_told_with_what_it_names() -> None:
    manifest = make_package().manifest
    assert manifest.paths == ("package.json", "data/notes, übrig.txt", "model.bin")
    with pytest.raises(ArtifactNotFoundError, match=r"did you mean 'model\.bin'"):
        manifest.file("modle.bin")
