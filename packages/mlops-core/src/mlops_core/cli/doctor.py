"""``mlops doctor``: does what is configured work, and if not, what to do."""

import hashlib
import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit, say
from mlops_core.errors import MlopsError

if TYPE_CHECKING:
    from mlops_core.ports.backend import PortName
    from mlops_core.sessions import Session
    from mlops_core.settings import Settings

_CLOCKS_DIFFER: Final = 60.0
"""Seconds between this machine's clock and a backend's from which on it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check; ``fix`` is what to do about one that is not ok."""

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    fix: str = ""


def doctor(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check settings, adapters and secrets, and try every port with a real write and read.

    What was written is deleted again; runs cannot be, and stay in an experiment whose name begins with mlops-doctor.
    """
    findings: list[Finding] = []
    for finding in _findings(Invocation.of(context)):
        findings.append(finding)
        if not as_json:
            emit({}, _line(finding), as_json=False)
    failed = sum(each.state == "failed" for each in findings)
    if as_json:
        data = [{"check": f.check, "state": f.state, "detail": f.detail, "fix": f.fix} for f in findings]
        emit({"ok": not failed, "findings": data}, "", as_json=True)
    say(f"{failed} of {len(findings)} checks failed" if failed else "everything works")
    raise typer.Exit(1 if failed else 0)


def _line(finding: Finding) -> str:
    text = f"{finding.state:9}{finding.check:28}  {finding.detail}"
    return text + (f"\n{'':9}fix: {finding.fix}" if finding.fix else "")


def _findings(invocation: Invocation) -> Iterator[Finding]:
    from mlops_core.sessions import open_session

    try:
        settings = invocation.settings()
    except MlopsError as error:
        yield _failed("settings", error)
        return
    yield Finding(check="settings", state="ok", detail=settings.place)
    yield from _variables()
    with open_session(settings=settings) as session:
        opened: set[str] = set()
        for finding, name in _backends(session):
            yield finding
            if finding.state == "ok":
                opened.add(name)
        yield from _secrets(settings)
        for port in _ports(settings):
            # What is wrong with a backend is said once, not again for each of its ports.
            if session.backend_name(port) in opened:
                yield _port(session, port)


def _failed(check: str, error: MlopsError) -> Finding:
    detail = "; ".join(each for each in (error.what, error.where, error.why) if each)
    return Finding(check=check, state="failed", detail=detail, fix=error.hint)


def _variables() -> Iterator[Finding]:
    from mlops_core.settings import SECTIONS, unread_variables

    if names := unread_variables(os.environ, sections=SECTIONS):
        fix = f"if they are meant as settings: MLOPS_USE, or MLOPS_<{'|'.join(SECTIONS[1:])}>__<NAME>__<KEY>".upper()
        yield Finding(check="environment", state="warning", detail=f"not read: {', '.join(names)}", fix=fix)


def _backends(session: "Session") -> Iterator[tuple[Finding, str]]:
    """Whether each backend can be opened, which makes no request; with its name."""
    from mlops_core.backends import describe_adapters

    known = describe_adapters()
    use = session.settings.use
    used = {use} if isinstance(use, str) else set(use.values())
    for name, backend in session.settings.backends.items():
        check = f"backends.{name}"
        try:
            session.backend(name)
        except MlopsError as error:
            finding = _failed(check, error)
            yield (finding if name in used else replace(finding, state="warning")), name
        else:
            detail = f"adapter {backend.adapter} of {known[backend.adapter]}"
            yield Finding(check=check, state="ok", detail=detail), name


def _secrets(settings: "Settings") -> Iterator[Finding]:
    from mlops_core.settings import secrets_in

    for name, backend in settings.backends.items():
        for place, secret in secrets_in(backend.options, where=f"backends.{name}"):
            try:
                secret.reveal()
            except MlopsError as error:
                yield _failed(place, error)
            else:
                yield Finding(check=place, state="ok", detail=f"{secret} is set")


def _ports(settings: "Settings") -> "Iterator[PortName]":
    from mlops_core.settings import PORTS

    for port in PORTS:
        if isinstance(settings.use, str) or port in settings.use:
            yield port


def _port(session: "Session", port: "PortName") -> Finding:
    backend = session.backend_name(port)
    check = f"{port} ({backend})"
    started = time.perf_counter()
    try:
        if port not in session.backend(backend).ports and isinstance(session.settings.use, str):
            return Finding(check=check, state="ok", detail="not offered by this adapter, not tried")
        stored_at = _trial(session, port)()
    except MlopsError as error:
        return _failed(check, error)
    took = time.perf_counter() - started
    apart = abs((stored_at - datetime.now(UTC)).total_seconds())
    if apart > _CLOCKS_DIFFER:
        detail = f"works, but its clock and this machine's are {apart:.0f} s apart"
        return Finding(check=check, state="warning", detail=detail, fix="set the clock, for example by NTP")
    did = "wrote, read and verified a run" if port == "experiment_tracker" else "wrote, read, verified and deleted"
    return Finding(check=check, state="ok", detail=f"{did} in {took * 1000:.0f} ms")


def _trial(session: "Session", port: "PortName") -> Callable[[], datetime]:
    from mlops_core.operations.round_trips import try_registry, try_store, try_tracker

    # One name per machine: a registry may keep a trace of each deleted name, and two machines may be at it at once.
    name = f"mlops-doctor-{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}"
    probe_id = uuid.uuid4().hex
    if port == "model_registry":
        return lambda: try_registry(session.model_registry, model=name, probe_id=probe_id)
    if port == "experiment_tracker":
        return lambda: try_tracker(session.experiment_tracker, experiment=name, probe_id=probe_id)
    return lambda: try_store(session.artifact_store, prefix=name, probe_id=probe_id)
