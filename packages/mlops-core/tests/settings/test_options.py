from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from mlops_core.errors import ConfigurationError
from mlops_core.secret import Secret
from mlops_core.settings.options import read_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance
    from mlops_core.ports.backend import OptionValue


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    bucket: str
    port: int = 80
    timeout: float = 5.0
    tls: bool = True
    mode: Literal["fast", "safe"] = "safe"
    key: Secret | None = None


def read(options: Mapping[str, OptionValue]) -> VaultOptions:
    return read_options(VaultOptions, options, backend="lake", adapter="vault", base=Path("conf"))


def test_options_keep_their_types_and_defaults() -> None:
    assert read({"bucket": "b", "timeout": 3}) == VaultOptions(bucket="b", timeout=3.0)
    assert read({"bucket": "b", "mode": "fast", "key": {"env": "VAULT_KEY"}}).key == Secret(env="VAULT_KEY")
    assert read({"bucket": "b", "key": {"file": "k.txt"}}).key == Secret(file=Path("conf/k.txt"))
    assert read({"bucket": "b", "key": Secret(env="VAULT_KEY")}).key == Secret(env="VAULT_KEY")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "the option 'bucket' is missing"),
        ({"bucket": "b", "prot": 1}, "unknown option 'prot'"),
        ({"bucket": 3}, "the option 'bucket' cannot be used"),
        ({"bucket": "b", "port": "80"}, "the option 'port' cannot be used"),
        ({"bucket": "b", "port": True}, "the option 'port' cannot be used"),
        ({"bucket": "b", "tls": 1}, "the option 'tls' cannot be used"),
        ({"bucket": "b", "mode": "slow"}, "the option 'mode' cannot be used"),
        ({"bucket": ["b"]}, "the option 'bucket' cannot be used"),
    ],
)
def test_what_cannot_be_used_is_told_with_the_backend(options: Mapping[str, OptionValue], what: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(options)
    assert raised.value.what == what
    assert raised.value.where == "backend 'lake', adapter 'vault'"


def test_a_near_match_is_suggested() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'port'"):
        read({"bucket": "b", "prot": 1})


def test_no_message_shows_a_value() -> None:
    for options in ({"bucket": "b", "key": "canary"}, {"bucket": "b", "port": "canary"}, {"bucket": ["canary"]}):
        with pytest.raises(ConfigurationError) as raised:
            read(options)
        assert "canary" not in str(raised.value)
        assert raised.value.__cause__ is None


def late_types() -> type[DataclassInstance]:
    """A record as an adapter has it that imports ``Secret`` for the type checker only."""
    space: dict[str, type[DataclassInstance]] = {}
    code = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass Late:\n    key: Secret\n"
    exec(code, space)
    return space["Late"]


def test_a_type_that_is_not_there_at_run_time_is_told_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"Late: 'Secret' is not there at run time.*outside `if TYPE_CHECKING`"):
        read_options(late_types(), {"key": {"env": "X"}}, backend="lake", adapter="vault", base=Path())
