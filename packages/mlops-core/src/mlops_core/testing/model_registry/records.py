"""Promises ``every_version_has_the_digest_of_its_package`` and ``records_hold_what_was_given``."""

from __future__ import annotations

import hashlib
import math
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.manifest import MANIFEST_FILE
from mlops_core.ports.model_registry import Origin
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, new_operation, read_file, register
from mlops_core.testing.packages import MemoryPackage, make_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_core.ports.model_registry import ModelRegistry, ModelVersion
    from mlops_core.testing.subjects import RegistryUnderTest

METRICS: Final[Mapping[str, float]] = {
    "auc": 0.1 + 0.2,
    "count": 3,
    "valid/loss": -0.0,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "undefined": math.nan,
    "best": math.inf,
    "worst": -math.inf,
}
"""Metrics that a rounding, a JSON writer or a column of a database may alter."""
ODD_TEXTS: Final = {
    "empty": "",
    "none": "None",
    "null": "null",
    "number": "007",
    "blanks": "  in front and behind  ",
    "lines": "one\r\ntwo\n\tthree\n",
    "quotes": "'\"`\\%_;--{}<b>&amp;",
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "astral": "\U0001d510 \U0001f9ea \u202e \u2028",
    "long": "\U0001f9ea" * 4_000,
    "k" * 64: "the longest key",
}
"""Tags that an encoding, a template or a limit of a column may alter."""
_FAR_FROM_UTC: Final = "XXX-14"
"""A zone 14 hours ahead of UTC, in the notation of POSIX."""


class Records(ModelRegistryPart):
    """What is known of a version beyond its bytes."""

    @pytest.fixture
    def far_from_utc(self) -> Iterator[None]:
        """The local time of this process is not UTC, as on most people's machines."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", _FAR_FROM_UTC)
            if sys.platform != "win32":
                time.tzset()
            yield
        if sys.platform != "win32":
            time.tzset()

    def test_every_version_has_the_digest_of_its_package(self, registry: ModelRegistry) -> None:
        """The digest is the SHA-256 of ``package.json``, wherever a version is given.

        If this fails: store ``package.manifest.digest`` with the version, and not a checksum of the vendor's.
        """
        package = make_package("a")
        made = register(registry, "a")
        registry.set_alias(MODEL, ALIAS, made.version)
        pins = [made, registry.get(MODEL, made.version), registry.latest(MODEL), registry.resolve(MODEL, ALIAS)]
        assert {each.digest for each in [*pins, *registry.versions(MODEL)]} == {package.manifest.digest}
        assert {(each.model, each.version) for each in pins} == {(MODEL, made.version)}
        assert hashlib.sha256(read_file(registry, made, MANIFEST_FILE)).hexdigest() == made.digest

    def test_every_version_has_the_digest_of_its_package__and_its_manifest(self, subject: RegistryUnderTest) -> None:
        """The manifest comes back equal to the one that was given, parameters and requirements too.

        If this fails: give ``Manifest.from_bytes`` the stored bytes of ``package.json``, and write those unaltered.
        """
        plain = make_package("a")
        manifest = replace(
            plain.manifest,
            parameters={"depth": 3, "rate": 0.1, "names": ["ä", None, True], "nested": {"b": 1, "a": []}},
            dataset_digest="0" * 64,
            requirements=("numpy==2.3.1", "scikit-learn==1.7.0"),
        )
        package = MemoryPackage(manifest=manifest, files=plain.files)
        made = subject.registry.register(MODEL, package, operation_id=new_operation())
        assert made.manifest == manifest
        assert subject.another().get(MODEL, made.version).manifest == manifest
        assert subject.back_door.read(MODEL, made.version, MANIFEST_FILE) == manifest.to_bytes()

    def test_records_hold_what_was_given(self, subject: RegistryUnderTest) -> None:
        """Operation id, run, commit and origin come back as they were given, from every reader.

        If this fails: look at which field differs, and whether ``register``, ``get`` and ``versions`` read one record.
        """
        origin = Origin(backend="prod", model="Fraud Model", version=0, digest="0123456789abcdef" * 4)
        operation = new_operation()
        made = subject.registry.register(
            MODEL,
            make_package("a"),
            operation_id=operation,
            tags={"team": "risk"},
            metrics={"auc": 0.25},
            run="run-1/ä",
            commit="c0ffee",
            origin=origin,
        )
        assert (made.operation_id, made.run, made.commit, made.origin) == (operation, "run-1/ä", "c0ffee", origin)
        assert (made.aliases, made.tags, made.metrics) == ((), {"team": "risk"}, {"auc": 0.25})
        assert_read_alike(subject, made)

    def test_records_hold_what_was_given__and_nothing_that_was_not(self, subject: RegistryUnderTest) -> None:
        """What was left out is ``None`` or empty, and never the text ``"None"`` or a default of the vendor's.

        If this fails: leave out what is ``None`` instead of printing it, and keep the vendor's own tags to yourself.
        """
        made = register(subject.registry)
        assert (made.run, made.commit, made.origin) == (None, None, None)
        assert (made.aliases, made.tags, made.metrics) == ((), {}, {})
        assert_read_alike(subject, made)

    def test_records_hold_what_was_given__metrics_to_the_last_bit(self, subject: RegistryUnderTest) -> None:
        """Metrics are doubles: every bit comes back, NaN, both infinities and the sign of zero included.

        If this fails: print doubles with ``repr``; JSON has no word for NaN and infinities, so choose one.
        """
        made = subject.registry.register(MODEL, make_package(), operation_id=new_operation(), metrics=METRICS)
        expected = {name: repr(float(value)) for name, value in METRICS.items()}
        assert {name: repr(value) for name, value in made.metrics.items()} == expected
        assert_read_alike(subject, made)

    def test_records_hold_what_was_given__tags_to_the_last_character(self, subject: RegistryUnderTest) -> None:
        """Tags come back exactly: empty, long, with blanks, quotes, line ends and characters beyond 16 bits.

        If this fails: look for trimming, for a limit counted in bytes, for Unicode normalisation and for escapes.
        """
        made = subject.registry.register(MODEL, make_package(), operation_id=new_operation(), tags=ODD_TEXTS)
        assert made.tags == ODD_TEXTS
        assert subject.back_door.tags(MODEL, made.version) == ODD_TEXTS
        assert_read_alike(subject, made)

    def test_records_hold_what_was_given__more_tags_than_a_vendor_may_expect(self, registry: ModelRegistry) -> None:
        """A version may have many tags: none of 120 is dropped.

        If this fails: the vendor limits how many keys something has; keep all tags as one document of your own.
        """
        tags = {f"key-{each}": str(each) for each in range(120)}
        made = registry.register(MODEL, make_package(), operation_id=new_operation(), tags=tags)
        assert registry.get(MODEL, made.version).tags == tags

    def test_records_hold_what_was_given__times_in_utc(self, registry: ModelRegistry, far_from_utc: None) -> None:
        """``created_at`` is aware, in UTC, and the moment of the registration wherever the caller lives.

        If this fails: never use ``datetime.now()`` or ``fromtimestamp()`` without a zone; a millisecond is no second.
        """
        del far_from_utc
        made = register(registry)
        assert made.created_at.tzinfo is not None
        assert made.created_at.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - made.created_at) < timedelta(hours=1)
        assert registry.get(MODEL, made.version).created_at == made.created_at

    def test_records_hold_what_was_given__whatever_becomes_of_it_later(self, registry: ModelRegistry) -> None:
        """A record is the caller's own: changing the mappings that were given, or got, changes nothing stored.

        If this fails: copy mappings on their way in, and give new ones, or read-only ones, on their way out.
        """
        tags, metrics = {"team": "risk"}, {"auc": 0.25}
        made = registry.register(MODEL, make_package(), operation_id=new_operation(), tags=tags, metrics=metrics)
        tags["team"] = "changed"
        metrics["auc"] = 0.5
        for mapping in (made.tags, made.metrics):
            if isinstance(mapping, dict):
                mapping.clear()
        again = registry.get(MODEL, made.version)
        assert (again.tags, again.metrics) == ({"team": "risk"}, {"auc": 0.25})

    def test_records_hold_what_was_given__as_of_their_moment(self, registry: ModelRegistry) -> None:
        """A record says what was so when it was read; a later change is seen by a later call, not by the record.

        If this fails: the record shares a mapping with the registry's own state; give a copy.
        """
        made = register(registry)
        registry.set_tags(MODEL, made.version, {"team": "risk"})
        registry.set_alias(MODEL, ALIAS, made.version)
        assert (made.tags, made.aliases) == ({}, ())


def assert_read_alike(subject: RegistryUnderTest, made: ModelVersion, /) -> None:
    """Every reader, on this and on another instance, gives the record that ``register`` gave."""
    readers = {
        "get": subject.registry.get(made.model, made.version),
        "versions": next(each for each in subject.registry.versions(made.model) if each.version == made.version),
        "get of another instance": subject.another().get(made.model, made.version),
    }
    # NaN differs from itself, its text does not.
    assert {reader: _text(record) for reader, record in readers.items()} == dict.fromkeys(readers, _text(made))


def _text(record: ModelVersion) -> str:
    return repr(replace(record, tags=dict(sorted(record.tags.items())), metrics=dict(sorted(record.metrics.items()))))
