"""The registry's documents: they come back as they were, or not at all."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import IntegrityError, InvalidNameError
from mlops_core.manifest import Manifest
from mlops_core.naming import check_model_name
from mlops_core.ports.model_registry import Origin
from mlops_core.stores.keys import check_key
from mlops_core.stores.registry_documents import AliasTarget, Attempts, Head, VersionTags
from mlops_core.stores.registry_layout import IncarnationKeys, head_key, model_of_head, model_part
from mlops_core.stores.registry_record import Record, fence, read_record
from mlops_core.stores.sealed_documents import opening, seal

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_MANIFEST = Manifest(framework="test", model_file="m", serializer="s", files=(), parameters={"rate": 1e20, "n": 3})
_RECORD = Record(
    model="churn",
    incarnation="i1",
    version=7,
    digest=_MANIFEST.digest,
    folder="op",
    manifest=_MANIFEST,
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    operation_id="op",
    tags={"team": "x"},
    metrics={"auc": 0.5},
    run=None,
    commit="abc",
    origin=Origin(backend="prod", model="Fraud Model", version=0, digest="d"),
)
_HEAD = Head(
    model="churn",
    incarnation="i1",
    nonce="n",
    aliases={"champion": AliasTarget(version=3, digest="d")},
    deleting=frozenset({4, 5}),
    closing=True,
)


def _read(data: bytes) -> Record:
    record = read_record(data, where="key", model="churn", incarnation="i1", version=7)
    assert record is not None
    return record


def test_a_record_comes_back_as_it_was() -> None:
    assert _read(_RECORD.to_bytes()) == _RECORD


@given(metrics=st.dictionaries(_TEXTS, st.floats()), tags=st.dictionaries(_TEXTS, _TEXTS))
def test_metrics_come_back_not_a_number_and_infinities_included(
    metrics: dict[str, float], tags: dict[str, str]
) -> None:
    found = _read(_replaced(metrics, tags).to_bytes())
    assert found.tags == tags
    assert found.metrics.keys() == metrics.keys()
    for name, value in metrics.items():
        assert found.metrics[name] == value or (math.isnan(found.metrics[name]) and math.isnan(value))
        assert type(found.metrics[name]) is float


def _replaced(metrics: dict[str, float], tags: dict[str, str]) -> Record:
    from dataclasses import replace

    return replace(_RECORD, metrics=metrics, tags=tags)


def test_metrics_that_json_cannot_hold_are_stored_as_words() -> None:
    data = _replaced({"a": math.nan, "b": math.inf, "c": -math.inf}, {}).to_bytes()
    assert json.loads(data)["content"]["metrics"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}


def test_the_other_documents_come_back_as_they_were() -> None:
    tags = VersionTags(model="churn", version=3, nonce="n", tags={"a": "b"})
    attempts = Attempts(model="churn", digest="d", nonce="n", tried=frozenset({(3, "a"), (12, "b")}))
    assert Head.from_bytes(_HEAD.to_bytes(), where="key", model="churn") == _HEAD
    assert VersionTags.from_bytes(tags.to_bytes(), where="key", model="churn", version=3) == tags
    assert Attempts.from_bytes(attempts.to_bytes(), where="key", model="churn", digest="d") == attempts


@given(data=st.data())
def test_one_changed_byte_anywhere_is_an_integrity_error(data: st.DataObject) -> None:
    good = _HEAD.to_bytes()
    position = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != good[position]))
    bad = good[:position] + bytes([byte]) + good[position + 1 :]
    with pytest.raises(IntegrityError) as caught:
        Head.from_bytes(bad, where="models/churn/head.json", model="churn")
    assert "models/churn/head.json" in str(caught.value)


@given(length=st.integers(0, len(_RECORD.to_bytes()) - 1))
def test_a_cut_record_is_an_integrity_error(length: int) -> None:
    with pytest.raises(IntegrityError):
        _read(_RECORD.to_bytes()[:length])


def test_a_document_in_the_place_of_another_is_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match="not in its place"):
        Head.from_bytes(_HEAD.to_bytes(), where="key", model="other")
    for names in [{"model": "other"}, {"incarnation": "i2"}, {"version": 8}]:
        right: dict[str, str | int] = {"model": "churn", "incarnation": "i1", "version": 7}
        wanted = {**right, **names}
        with pytest.raises(IntegrityError, match="not in its place"):
            read_record(
                _RECORD.to_bytes(),
                where="key",
                model=str(wanted["model"]),
                incarnation=str(wanted["incarnation"]),
                version=int(wanted["version"]),
            )


def test_a_record_whose_manifest_was_exchanged_is_an_integrity_error() -> None:
    from dataclasses import replace

    other = Manifest(framework="other", model_file="m", serializer="s", files=())
    with pytest.raises(IntegrityError, match="contradicts"):
        _read(replace(_RECORD, manifest=other).to_bytes())


def test_a_fence_is_no_record_and_shorter_than_any() -> None:
    data = fence("churn", "i1", 7)
    assert read_record(data, where="key", model="churn", incarnation="i1", version=7) is None
    assert len(data) < len(_RECORD.to_bytes())
    with pytest.raises(IntegrityError, match="not in its place"):
        read_record(data, where="key", model="churn", incarnation="i2", version=7)


def test_the_first_heads_did_not_count_deletions_so_there_may_have_been_some() -> None:
    written = json.loads(_HEAD.to_bytes())["content"]
    del written["deletions"]
    assert Head.from_bytes(seal(written), where="key", model="churn").deletions > 0


def test_a_newer_format_is_refused_with_a_sentence() -> None:
    newer = _HEAD.to_bytes().replace(b'"format_version":1}', b'"format_version":2}')
    with pytest.raises(IntegrityError, match="newer format") as caught:
        Head.from_bytes(newer, where="key", model="churn")
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("content", [{}, {"model": "churn"}, {"model": "churn", "incarnation": 1}])
def test_a_document_that_lacks_what_is_read_is_an_integrity_error(content: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        Head.from_bytes(seal(content), where="key", model="churn")


def test_a_text_that_is_no_unicode_is_refused_when_it_is_written() -> None:
    with pytest.raises(InvalidNameError) as caught:
        seal({"text": "\ud800"})
    assert caught.value.hint


def test_an_error_inside_the_reading_block_that_is_ours_passes_untouched() -> None:
    with pytest.raises(ZeroDivisionError), opening(seal({"model": "a"}), where="key", names={"model": "a"}):
        raise ZeroDivisionError


@given(model=st.text(max_size=70) | st.from_regex(r"[A-Z .%/\\]{1,5}\.\.", fullmatch=True))
def test_any_name_is_one_safe_part_of_a_key_that_leads_back_to_it(model: str) -> None:
    part = model_part(model)
    key = head_key(model)
    if part is None or key is None:
        with pytest.raises(InvalidNameError):
            check_model_name(model)
        return
    check_key(key)
    assert "/" not in part
    assert part == part.lower()
    assert model_of_head(key) == model


@pytest.mark.parametrize("name", ["..", ".", "con", "a/../b", "Race", "race", "%2e%2e", "%52ace", "a..b", "nul.txt"])
def test_odd_names_have_keys_of_their_own(name: str) -> None:
    others = {"..", ".", "con", "a/../b", "Race", "race", "%2e%2e", "%52ace", "a..b", "nul.txt"} - {name}
    part = model_part(name)
    assert part not in {"..", ".", "con", "nul.txt"}
    assert part not in {model_part(other) for other in others}


@given(version=st.integers(1, 10**10 - 1), other=st.integers(1, 10**10 - 1))
def test_newer_records_list_first(version: int, other: int) -> None:
    keys = IncarnationKeys("churn", "i")
    key, other_key = keys.record(version), keys.record(other)
    assert key is not None
    assert other_key is not None
    assert (version > other) == (key < other_key)
    assert keys.version_of(key) == version


@pytest.mark.parametrize("version", [0, -1, 10**10])
def test_a_number_that_no_version_can_have_has_no_key(version: int) -> None:
    assert IncarnationKeys("churn", "i").record(version) is None


@pytest.mark.parametrize("key", ["models/a/i/versions/.DS_Store", "models/a/i/versions/x.json", "models/b/1.json"])
def test_a_stray_key_is_no_record(key: str) -> None:
    assert IncarnationKeys("a", "i").version_of(key) is None
