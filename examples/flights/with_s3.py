"""Run a command with a bucket: on the S3 service that MLOPS_DEMO_S3_ENDPOINT names, or on a server of its own.

    python with_s3.py mlops train late-flight

A named service is used as it is: it has the bucket `flights`, and the credentials are in AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY. Else `ministack`, a small S3 server that lives in memory, is started on a free port of this host;
it and all that the command has stored are gone when the command ends.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from with_server import free_port, listens, run_with, running

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ENDPOINT = "MLOPS_BACKENDS__S3__ENDPOINT_URL"
BUCKET = "flights"
PATIENCE = 30.0
"""Seconds until a server must listen."""


@contextmanager
def environment() -> Generator[Mapping[str, str]]:
    """The variables that the command needs beside those that are set."""
    if endpoint := os.environ.get("MLOPS_DEMO_S3_ENDPOINT"):
        yield {ENDPOINT: endpoint}
        return
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))  # it is our own server
    keys = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
    with tempfile.TemporaryDirectory(prefix="with-s3-") as folder, server(Path(folder)) as endpoint:
        make_bucket(endpoint, keys)
        yield {**keys, ENDPOINT: endpoint}


@contextmanager
def server(folder: Path) -> Generator[str]:
    """A server that keeps everything in memory; gives its address."""
    port = free_port()
    with running(
        [Path(sys.executable).with_name("ministack")],
        log=folder / "server.log",
        ready=lambda: listens(port),
        patience=PATIENCE,
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        HOME=str(folder),
    ):
        yield f"http://127.0.0.1:{port}"


def make_bucket(endpoint: str, keys: Mapping[str, str]) -> None:
    import boto3

    client = cast("Any", boto3).client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    with closing(client):
        client.create_bucket(Bucket=BUCKET)


if __name__ == "__main__":
    sys.exit(run_with(environment))
