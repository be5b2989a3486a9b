from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .contract.s3_subjects import S3Server, refusal
from .servers.http_proxy import HttpProxy
from .servers.s3_servers import ceph, ministack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def ministack_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("ministack")
    with ministack(folder) as url:
        yield S3Server.at(url, folder)


@pytest.fixture(scope="session")
def ceph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("ceph")
    with ceph(folder) as url:
        yield S3Server.at(url, folder)


@pytest.fixture
def ministack_proxy(ministack_server: S3Server) -> Iterator[HttpProxy]:
    with HttpProxy(ministack_server.url, refusal=refusal) as proxy:
        yield proxy


@pytest.fixture
def ceph_proxy(ceph_server: S3Server) -> Iterator[HttpProxy]:
    with HttpProxy(ceph_server.url, refusal=refusal) as proxy:
        yield proxy
