"""Many threads in several processes, on one model of one server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlops_core.testing import make_package

from tests.servers.postgres import has_postgres

from .register_and_move import EACH
from .registry_places import place_on

if TYPE_CHECKING:
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
PROGRAM = Path(__file__).with_name("register_and_move.py")


def check_a_crowd(server: MlflowServer, *, processes: int, threads: int) -> None:
    with place_on(server) as place:
        where = [server.url, place.rest.workspace]
        crowd = [
            subprocess.Popen(
                [sys.executable, str(PROGRAM), *where, f"{each}", f"{threads}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in range(processes)
        ]
        told = [each.communicate(timeout=240) for each in crowd]
        assert [(each.returncode, errors) for each, (_, errors) in zip(crowd, told, strict=True)] == [
            (0, "")
        ] * processes
        made = dict[int, str]()
        for output, _ in told:
            for line in output.splitlines():
                number, operation, content = line.split()
                assert operation == content
                assert int(number) not in made, "two registrations were told the same number"
                made[int(number)] = content
        expected = {
            f"{who}-{thread}-{each}" for who in range(processes) for thread in range(threads) for each in range(EACH)
        }
        assert set(made.values()) == expected
        found = {each.version: each for each in place.registry.versions("churn")}
        assert {number: each.operation_id for number, each in found.items()} == made, "lost or doubled"
        assert {number: each.digest for number, each in found.items()} == {
            number: make_package(content).manifest.digest for number, content in made.items()
        }
        assert {number: dict(each.tags) for number, each in found.items()} == {
            number: {"by": content} for number, content in made.items()
        }
        aliases = dict(place.back_door.aliases("churn"))
        own = {alias: number for alias, number in aliases.items() if alias.startswith("own-")}
        assert own == {f"own-{content}": number for number, content in made.items()}
        for each in range(EACH):
            assert made[aliases[f"round-{each}"]].endswith(f"-{each}")
        for number in (min(found), max(found)):
            with place.registry.open(found[number], "model.bin") as stream:
                assert stream.read() == made[number].encode()


def test_nothing_is_lost_or_doubled_on_sqlite(mlflow_on_sqlite: MlflowServer) -> None:
    check_a_crowd(mlflow_on_sqlite, processes=2, threads=4)


if has_postgres():

    def test_nothing_is_lost_or_doubled_on_postgres(mlflow_on_postgres: MlflowServer) -> None:
        check_a_crowd(mlflow_on_postgres, processes=4, threads=16)
