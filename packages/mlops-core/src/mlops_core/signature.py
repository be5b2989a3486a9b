"""What a model was trained on, column by column: the contract between training and scoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_core.errors import IntegrityError
from mlops_core.json_values import as_integer, as_mapping, as_mappings, as_sequence, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.json_values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class InputColumn:
    """A column that the caller's own table must have: a key, the moment, or what an expression reads.

    Attributes:
        name: The column's name.
        dtype: Its neutral type, such as ``int64``, ``float64``, ``string``, ``bool``, ``date``,
            ``datetime[us, UTC]`` (an instant) or ``datetime[us]`` (naive).
    """

    name: str
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureColumn:
    """A column that a feature made.

    Attributes:
        name: The column's name in the dataset.
        dtype: Its neutral type, as in :class:`InputColumn`.
        feature: The feature as the factory makes it, such as ``delay(by=['origin', 'dest'], over='30d')``.
        version: The feature's version, from 1.
        fingerprint: SHA-256 of the definition's normalised source and captured constants, 64 hexadecimal characters.
        parameters: The given parameters by name; empty for the defaults.
        needs: Columns of other features that this one reads.
        source: The name of its source; ``None`` when it is computed from the table's own columns.
        rule: In words, which rows of the source it may see, such as ``last row of the same origin, at most 6h old``.
    """

    name: str
    dtype: str
    feature: str
    version: int = 1
    fingerprint: str = ""
    parameters: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    needs: tuple[str, ...] = ()
    source: str | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The columns of a dataset: what goes in, what the features make of it, what is predicted.

    Attributes:
        inputs: Columns that the table must have for the features to be computed.
        features: Columns that the model reads, in order.
        label: The column that is predicted; ``None`` for a dataset without one.
        label_dtype: Its neutral type; ``""`` without a label.
        at: The column of the moment as of which features were computed; ``None`` where no feature has a time.
        known_at: Whether only what had been recorded by the moment was visible.
    """

    inputs: tuple[InputColumn, ...] = ()
    features: tuple[FeatureColumn, ...]
    label: str | None = None
    label_dtype: str = ""
    at: str | None = None
    known_at: bool = False

    @property
    def feature_names(self) -> list[str]:
        """Names of the feature columns, in the model's order."""
        return [column.name for column in self.features]

    def to_json(self) -> Mapping[str, JsonValue]:
        """The form that a manifest stores."""
        return {
            "at": self.at,
            "known_at": self.known_at,
            "label": None if self.label is None else {"name": self.label, "dtype": self.label_dtype},
            "inputs": [{"name": each.name, "dtype": each.dtype} for each in self.inputs],
            "features": [
                {
                    "name": each.name,
                    "dtype": each.dtype,
                    "feature": each.feature,
                    "version": each.version,
                    "fingerprint": each.fingerprint,
                    "parameters": each.parameters,
                    "needs": list(each.needs),
                    "source": each.source,
                    "rule": each.rule,
                }
                for each in self.features
            ],
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Signature:
        """Read what :meth:`to_json` wrote.

        Raises:
            IntegrityError: The value has another shape.
        """
        try:
            return _signature(as_mapping(value))
        except (KeyError, TypeError, ValueError) as exc:
            raise IntegrityError("cannot read a signature", why=f"{type(exc).__name__}: {exc}") from exc


def _signature(value: Mapping[str, JsonValue]) -> Signature:
    label = value["label"]
    at = value["at"]
    return Signature(
        inputs=tuple(
            InputColumn(name=as_text(each["name"]), dtype=as_text(each["dtype"]))
            for each in as_mappings(value["inputs"])
        ),
        features=tuple(
            FeatureColumn(
                name=as_text(each["name"]),
                dtype=as_text(each["dtype"]),
                feature=as_text(each["feature"]),
                version=as_integer(each["version"]),
                fingerprint=as_text(each["fingerprint"]),
                parameters=as_mapping(each["parameters"]),
                needs=tuple(as_text(name) for name in as_sequence(each["needs"])),
                source=None if each["source"] is None else as_text(each["source"]),
                rule=as_text(each["rule"]),
            )
            for each in as_mappings(value["features"])
        ),
        label=None if label is None else as_text(as_mapping(label)["name"]),
        label_dtype="" if label is None else as_text(as_mapping(label)["dtype"]),
        at=None if at is None else as_text(at),
        known_at=value["known_at"] is True,
    )
