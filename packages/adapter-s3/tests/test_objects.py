"""What a bucket holds for us: below its prefix only, under any key, however many, encrypted as asked."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from adapter_s3 import S3ArtifactStore, S3Backend
from mlops_core.errors import ArtifactNotFoundError, InvalidNameError

from tests.contract.s3_subjects import BUCKET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.s3_subjects import S3Server
    from tests.servers.http_proxy import HttpProxy

    from .conftest import MakeStore

pytestmark = pytest.mark.enable_socket


def test_stores_below_different_prefixes_do_not_see_each_other(make_store: MakeStore) -> None:
    team = f"team-{uuid4().hex}"
    outer, one, near = make_store(prefix=team), make_store(prefix=f"{team}/one"), make_store(prefix=f"{team}/one-more")
    one.put("a", b"1")
    near.put("a", b"2")
    assert [each.key for each in one.find()] == ["a"]
    assert list(one.folders()) == []
    assert [each.key for each in outer.find()] == ["one-more/a", "one/a"]
    near.delete("a")
    assert one.get("a").data == b"1"


def test_without_a_prefix_keys_are_the_buckets_own(make_store: MakeStore, server: S3Server) -> None:
    key = f"{uuid4().hex}/a"
    make_store(prefix="").put(key, b"1")
    assert server.native.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"1"


def test_what_the_store_keeps_for_itself_cannot_be_a_key(store: S3ArtifactStore, proxy: HttpProxy) -> None:
    with pytest.raises(InvalidNameError):
        store.put("tmp/a", b"1")
    with pytest.raises(ArtifactNotFoundError):
        store.get("tmp/a")
    store.delete("tmp/a")  # without a prefix it could be anybody's
    assert proxy.requests == 0


@pytest.mark.parametrize(
    "key",
    [
        "größe/Ωmega.json", unicodedata.normalize("NFD", "größe"), "日本/模型 1", "🚀", "a b+c%20d", "a?b#c&d=e", "a:b@c!$'()*,;",
        'quo"te/<xml>&amp;', "back\\slash", "a" * 400 + "/" + "ü" * 200,
    ],
)  # fmt: skip
def test_any_key_is_kept_as_it_is(key: str, store: S3ArtifactStore) -> None:
    store.put(key, b"1", if_absent=True)
    etag = store.stat(key).etag
    store.put(key, b"2", if_match=etag)
    assert store.get(key).data == b"2"
    assert [each.key for each in store.find()] == [key]
    with urllib.request.urlopen(store.presigned_url(key)) as answer:
        assert answer.read() == b"2"
    store.delete(key)
    assert list(store.find()) == []


def test_listings_go_on_past_a_page(make_store: MakeStore, server: S3Server, proxy: HttpProxy) -> None:
    store = make_store()
    keys = [f"k{number:04}/x" for number in range(1_100)]

    def write(key: str) -> None:
        server.native.put_object(Bucket=BUCKET, Key=f"{store.settings.prefix}/{key}", Body=b"")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, keys))
    assert [each.key for each in store.find()] == keys
    assert proxy.requests == 2
    assert list(store.folders()) == [each.removesuffix("/x") for each in keys]
    assert proxy.requests == 4
    next(iter(store.find()))
    assert proxy.requests == 5


def test_encryption_is_asked_for_with_every_write(make_store: MakeStore, proxy: HttpProxy, part: bytes) -> None:
    store = make_store(encryption="kms", kms_key_id="arn:aws:kms:eu-central-1:1:key/k")
    store.put("small", b"1")
    store.put("new", b"1", if_absent=True)
    store.put("large", part + b"1")
    asked = [each for each in proxy.log if each.method == "PUT" and "partNumber" not in each.path]
    asked += [each for each in proxy.log if each.method == "POST" and each.path.endswith("?uploads")]
    assert len(asked) >= 3
    for each in asked:
        assert each.headers["x-amz-server-side-encryption"] == "aws:kms"
        assert each.headers["x-amz-server-side-encryption-aws-kms-key-id"].endswith("key/k")


def test_the_services_own_key_needs_no_name(make_store: MakeStore, proxy: HttpProxy) -> None:
    make_store(encryption="aes256").put("a", b"1")
    make_store().put("a", b"1")
    told = [each.headers.get("x-amz-server-side-encryption") for each in proxy.log]
    assert told == ["AES256", None]


@pytest.fixture
def part() -> bytes:
    return bytes(5 << 20)


def test_a_presigned_address_is_read_without_credentials_until_it_is_changed(store: S3ArtifactStore) -> None:
    store.put("a b/ü", b"the bytes")
    url = store.presigned_url("a b/ü", seconds=60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"the bytes"
    assert "X-Amz-Expires=60" in url
    assert "canary-secret" not in url
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.replace("X-Amz-Signature=", "X-Amz-Signature=0"))


@pytest.mark.parametrize("seconds", [0, -5, 604_801, True, 1.5])
def test_a_presigned_address_for_a_time_that_no_service_takes_is_refused(
    seconds: int, store: S3ArtifactStore, proxy: HttpProxy
) -> None:
    with pytest.raises(InvalidNameError, match="604,800 seconds"):
        store.presigned_url("a", seconds=seconds)
    assert not proxy.requests


def test_the_bucket_is_part_of_the_path_of_other_services(store: S3ArtifactStore, proxy: HttpProxy) -> None:
    store.put("a", b"1")
    assert proxy.log[0].path == f"/{BUCKET}/{store.settings.prefix}/a"


def test_the_bucket_is_part_of_the_host_where_that_is_asked(make_store: MakeStore, proxy: HttpProxy) -> None:
    url = f"http://localhost:{proxy.url.rpartition(':')[2]}"
    address = make_store(endpoint_url=url, path_style=False).presigned_url("a")
    assert address.startswith(f"http://{BUCKET}.localhost:")


@pytest.mark.parametrize(("options", "hashed"), [({}, True), ({"unsigned_payload": True}, False)])
def test_the_payload_is_signed_unless_that_was_given_up(
    options: dict[str, Any], hashed: bool, make_store: MakeStore, proxy: HttpProxy
) -> None:
    make_store(**options).put("a", b"1")
    headers = proxy.log[0].headers
    assert (headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD") is hashed
    assert not [each for each in headers if each.startswith("x-amz-checksum")]


def test_checksums_of_the_sdk_are_sent_where_that_is_asked(make_store: MakeStore, proxy: HttpProxy) -> None:
    store = make_store(checksums="when_supported")
    store.put("a", b"1")
    assert [each for each in proxy.log[0].headers if each.startswith("x-amz-checksum")]
    assert store.get("a").data == b"1"


def test_a_backend_that_was_closed_opens_again(server: S3Server, tmp_path: Path) -> None:
    options = {
        "bucket": BUCKET,
        "prefix": f"backend-{uuid4().hex}",
        "endpoint_url": server.url,
        "access_key_id": {"file": str(server.folder / "key")},
        "secret_access_key": {"file": str(server.folder / "secret")},
    }
    backend = S3Backend("lake", options, base=tmp_path)
    assert (backend.name, backend.adapter) == ("lake", "s3")
    assert backend.ports == {"model_registry", "artifact_store", "experiment_tracker"}
    backend.artifact_store().put("a", b"1")
    backend.close()
    backend.close()
    assert backend.artifact_store().get("a").data == b"1"
    assert list(backend.model_registry().models()) == []
    assert list(backend.experiment_tracker().runs("nothing")) == []
    backend.close()


def test_forked_children_do_not_share_connections(server: S3Server) -> None:
    script = """
import json, os, sys
from pathlib import Path
from adapter_s3 import S3ArtifactStore, S3Settings
from mlops_core.secret import Secret
url, key, secret, bucket = json.loads(sys.argv[1])
settings = S3Settings(bucket=bucket, prefix="forks", endpoint_url=url, access_key_id=Secret(file=Path(key)), secret_access_key=Secret(file=Path(secret)))
store = S3ArtifactStore(settings)
for name in "abcd":
    store.put(name, name.encode() * 1000)
children = []
for name in "abc":
    child = os.fork()
    if not child:
        right = all(store.get(name).data == name.encode() * 1000 for _ in range(40))
        os._exit(0 if right else 1)
    children.append(child)
assert all(store.get("d").data == b"d" * 1000 for _ in range(40))
assert [os.waitpid(each, 0)[1] for each in children] == [0, 0, 0]
"""
    where = json.dumps([server.url, str(server.folder / "key"), str(server.folder / "secret"), BUCKET])
    ran = subprocess.run([sys.executable, "-c", script, where], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
