"""``mlops show``: everything that is known about one version."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit, size_text, table
from mlops_core.cli.records import number_text, time_text, version_json

if TYPE_CHECKING:
    from mlops_core.json_values import JsonValue
    from mlops_core.ports.model_registry import ModelVersion
    from mlops_core.signature import Signature


def show(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Such as churn, churn:3 or churn@champion.")],
    as_json: JsonOption = False,
) -> None:
    """Show a version: record, metrics, tags, signature, files."""
    from mlops_core.models.references import pin

    with Invocation.of(context).session() as session:
        registry = session.model_registry
        pinned = pin(registry, reference)
        record = registry.get(pinned.model, pinned.version)
        backend = session.backend_name("model_registry")
    emit({"backend": backend, **_json(record)}, _text(record, backend), as_json=as_json)


def _json(record: "ModelVersion") -> "dict[str, JsonValue]":
    manifest = record.manifest
    return {
        **version_json(record),
        "serializer": manifest.serializer,
        "requirements": list(manifest.requirements),
        "parameters": manifest.parameters,
        "dataset_digest": manifest.dataset_digest,
        "signature": None if manifest.signature is None else manifest.signature.to_json(),
        "files": [{"path": each.path, "size": each.size, "sha256": each.sha256} for each in manifest.files],
    }


def _text(record: "ModelVersion", backend: str) -> str:
    manifest = record.manifest
    origin = record.origin
    facts = {
        "backend": backend,
        "digest": record.digest,
        "created": time_text(record.created_at),
        "aliases": ", ".join(record.aliases),
        "model file": f"{manifest.model_file} ({manifest.framework}, {manifest.serializer})",
        "trained on": manifest.dataset_digest or "",
        "run": record.run or "",
        "commit": record.commit or "",
        "copied from": f"{origin.backend} {origin.model}:{origin.version}" if origin else "",
        "page": record.url or "",
        "needs": ", ".join(manifest.requirements),
    }
    parts = [
        f"{record.model}:{record.version}",
        table([], [[name, text] for name, text in facts.items() if text], indent="  "),
        _section("metrics", [[name, number_text(value)] for name, value in sorted(record.metrics.items())]),
        _section("tags", [[name, value] for name, value in sorted(record.tags.items())]),
        _section("parameters", [[name, str(value)] for name, value in sorted(manifest.parameters.items())]),
        _signature(manifest.signature),
        _section(
            f"files ({size_text(manifest.size)})",
            [[each.path, size_text(each.size), each.sha256[:12]] for each in manifest.files],
        ),
    ]
    return "\n".join(part for part in parts if part)


def _section(title: str, rows: list[list[str]]) -> str:
    return f"\n{title}\n{table([], rows, indent='  ')}" if rows else ""


def _signature(signature: "Signature | None") -> str:
    if signature is None:
        return "\nno signature: registered without a dataset, scoring cannot check its input"
    label = f"label {signature.label} ({signature.label_dtype})" if signature.label else "no label"
    moment = f", as of {signature.at}" if signature.at else ""
    known = ", only what was known by then" if signature.known_at else ""
    rows = [[each.name, each.dtype, f"v{each.version}", each.rule] for each in signature.features]
    inputs = ", ".join(f"{each.name} {each.dtype}" for each in signature.inputs)
    reads = f"\n  reads {inputs}" if inputs else ""
    return f"\nsignature: {label}{moment}{known}{reads}\n{table([], rows, indent='  ') if rows else '  no features'}"
