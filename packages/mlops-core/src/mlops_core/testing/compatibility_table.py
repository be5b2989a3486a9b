"""The compatibility table: backend by promise and capability, as Markdown, made of what a run of the contracts said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from mlops_core.testing.promises import PORTS, promise_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mlops_core.testing.contract import ContractName
    from mlops_core.testing.promises import PortDescription

Outcome = Literal["passed", "failed", "skipped", "gap"]
_HEAD: Final = """\
# Compatibility

Written by the run of the contract tests that is described here (`make compatibility`); nobody edits it. A promise is
*kept* when every contract test of its name passed. A capability is *declared* or *refused*: a contract test
proves whichever it is, under concurrency: with threads and instances of one process. Several processes are each
backend's own tests. A gap is a contract test that a backend is known to fail, with its kind and its reason;
*unproven* means that the test passes, against a stand-in only.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How one contract test ended on one backend.

    Attributes:
        backend: The backend.
        port: The port whose contract it is; ``"backend"``, of the factory, has no section of its own.
        test: The name of the test.
        outcome: How it ended; ``"gap"`` is a known gap that failed as declared.
        gap: ``"kind: reason"`` of a known gap, with its link.
        capabilities: What the instance declares, where the test was about a capability.
        against: What it ran against, in words.
        versions: Versions of what it ran against.
    """

    backend: str
    port: ContractName
    test: str
    outcome: Outcome
    gap: str = ""
    capabilities: frozenset[str] | None = None
    against: str = ""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """When and with what the tests were run: the time, aware UTC, and versions by name."""

    at: datetime
    versions: Mapping[str, str]


def markdown(proofs: Sequence[Proof], run: Surroundings) -> str:
    """The page.

    Args:
        proofs: How every contract test ended, on every backend.
        run: When and with what.
    """
    sections = [_HEAD, _run_section(proofs, run)]
    for port, described in PORTS.items():
        of_port = [each for each in proofs if each.port == port]
        if of_port:
            sections.append(_port_section(described, of_port))
    return "\n".join(sections)


def _run_section(proofs: Sequence[Proof], run: Surroundings) -> str:
    with_what = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    lines = ["## The run", "", f"{run.at:%Y-%m-%d %H:%M} UTC, {len(proofs):,} tests; {with_what}.", ""]
    rows: list[list[str]] = []
    for backend in _backends(proofs):
        own = [each for each in proofs if each.backend == backend]
        ports = [described.title.lower() for port, described in PORTS.items() if any(each.port == port for each in own)]
        versions = {name: version for each in own for name, version in each.versions.items()}
        against = sorted({each.against for each in own} - {""})
        rows.append(
            [
                f"`{backend}`",
                ", ".join(ports),
                "; ".join(against) or "-",
                ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or "-",
                f"{len(own):,}",
            ]
        )
    return "\n".join([*lines, *_table(["backend", "ports", "run against", "its versions", "tests"], rows), ""])


def _port_section(described: PortDescription, proofs: Sequence[Proof]) -> str:
    backends = _backends(proofs)
    by_backend = {backend: [each for each in proofs if each.backend == backend] for backend in backends}
    promised = [
        [
            f"`{promise}`",
            *(_cell(each for each in own if promise_of(each.test) == promise) for own in by_backend.values()),
        ]
        for promise in described.promises
    ]
    checks = ["fixtures, signatures, capabilities, state machine"]
    checks += [_cell(each for each in own if promise_of(each.test) is None) for own in by_backend.values()]
    declared = [
        [f"`{flag.name}`", *(_declared(str(flag.name), own) for own in by_backend.values())]
        for flag in described.capabilities
    ]
    columns = [f"`{backend}`" for backend in backends]
    lines = [f"## {described.title}", "", *_table(["promise", *columns], [*promised, checks]), ""]
    return "\n".join([*lines, *_table(["capability", *columns], declared), ""])


def _backends(proofs: Iterable[Proof]) -> list[str]:
    return sorted({each.backend for each in proofs})


def _cell(proofs: Iterable[Proof]) -> str:
    """What the tests of one promise say of one backend."""
    found = sorted(proofs, key=lambda each: each.test)
    if not found:
        return "not tested"
    count = f"{len(found)} test{'s' if len(found) > 1 else ''}"
    parts: list[str] = []
    for each in found:
        if each.outcome in {"failed", "skipped"}:
            parts.append(f"**{each.outcome}**: `{each.test}`")
        elif each.gap:
            parts.append(f"`{each.test}`: {each.gap}")
    # a test has one sentence, of however many parameters it fails
    return f"of {count}: {'; '.join(dict.fromkeys(parts))}" if parts else f"kept, {count}"


def _declared(capability: str, proofs: Sequence[Proof]) -> str:
    known = [each.capabilities for each in proofs if each.capabilities is not None]
    if not known:
        return "not tested"
    said = {"declared" if capability in each else "refused" for each in known}
    test = f"test_capability_{capability.lower()}"
    broken = [each for each in proofs if each.test == test and each.outcome != "passed"]
    known_gap = all(each.gap for each in broken)
    return " and ".join(sorted(said)) + ((", with a gap" if known_gap else ", **not proven**") if broken else "")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines]
