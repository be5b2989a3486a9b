"""The one place that knows the SDK: typed requests, one of HTTP each, never retried, with the SDK's own errors."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

from mlops_core.errors import AdapterNotFoundError, ConfigurationError

from adapter_s3._errors import PartsExhaustedError, UnexpectedAnswerError, http_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter_s3.settings import S3Settings

ETagForm = Literal["quoted", "unquoted"]
"""How a service wants an ETag in ``If-Match``: the standard says quoted, Ceph's gateway compares the unquoted one."""
_WITHOUT_A_REASON: Final = frozenset({400, 401, 403})
"""What a ``HEAD`` is answered when the caller is unknown, has expired or may not; the reason would be in a body."""
_MOST_PARTS: Final = 10_000
"""Of one upload, as the service documents."""
_ENCRYPTION: Final = {"aes256": "AES256", "kms": "aws:kms"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What the service says of an object; the ETag without quotes."""

    key: str
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectBody:
    """An answer to a read: the whole object's size and ETag, and a stream of the bytes that were asked for."""

    found: StoredObject
    stream: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing, and the token of the next; ``None`` at the end."""

    objects: Sequence[StoredObject]
    folders: Sequence[str]
    next_token: str | None


class S3Client:
    """Requests to one bucket. Keys are whole keys, prefix included. It may be used from several threads.

    Args:
        settings: Where the bucket is, and how to ask.

    Raises:
        AdapterNotFoundError: boto3 is not installed.
        ConfigurationError: A secret cannot be read, or there is no such profile.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._bucket = settings.bucket
        self._encryption = _encryption(settings)
        self._client = _open(settings)

    @property
    def endpoint(self) -> str:
        """The service's address, wherever it was configured."""
        return cast("str", self._client.meta.endpoint_url)

    @property
    def native(self) -> Any:
        """The SDK's own client."""
        return self._client

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> StoredObject:
        """Store an object in one request; ``if_match`` is sent as it is."""
        conditions: dict[str, Any] = {}
        if if_none_match:
            conditions["IfNoneMatch"] = "*"
        if if_match is not None:
            conditions["IfMatch"] = if_match
        answer = self._client.put_object(Bucket=self._bucket, Key=key, Body=data, **self._encryption, **conditions)
        return StoredObject(key=key, size=len(data), etag=_etag(answer), modified_at=_date(answer))

    def get(self, key: str, *, start: int = 0, stop: int | None = None, if_match: str | None = None) -> ObjectBody:
        """Read an object, or a range of it that begins inside it."""
        more: dict[str, Any] = {}
        if start or stop is not None:
            more["Range"] = f"bytes={start}-" + ("" if stop is None else str(stop - 1))
        if if_match is not None:
            more["IfMatch"] = if_match
        answer = self._client.get_object(Bucket=self._bucket, Key=key, **more)
        stream = cast("BinaryIO", answer["Body"])
        try:
            length = cast("int", _field(answer, "ContentLength"))
            size = _size_of_range(answer, length, start, stop) if "Range" in more else length
            found = _stored(key, answer, size)
        except BaseException:
            stream.close()
            raise
        return ObjectBody(found=found, stream=stream)

    def head(self, key: str) -> StoredObject:
        """What the service says of an object.

        The answer to a refused ``HEAD`` has no body that says why; then a read of one byte is asked for, which has.
        """
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=key)
        except Exception as exc:
            if http_status(exc) not in _WITHOUT_A_REASON:
                raise
            with closing(self.get(key, start=0, stop=1).stream):
                raise
        return _stored(key, answer, cast("int", _field(answer, "ContentLength")))

    def list(self, prefix: str, *, by_folder: bool = False, token: str | None = None) -> Page:
        """One page of at most 1,000 keys that begin with a prefix; ``by_folder`` folds what follows the next slash."""
        more: dict[str, Any] = {}
        if by_folder:
            more["Delimiter"] = "/"
        if token is not None:
            more["ContinuationToken"] = token
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
        truncated = _field(answer, "IsTruncated")  # any other document of XML would read as an empty listing
        objects = [_stored(each["Key"], each, each["Size"]) for each in answer.get("Contents", [])]
        folders = [cast("str", each["Prefix"]) for each in answer.get("CommonPrefixes", [])]
        token = cast("str", _field(answer, "NextContinuationToken")) if truncated else None
        return Page(objects=objects, folders=folders, next_token=token)

    def delete(self, key: str) -> None:
        """Remove an object, whether it is there or not."""
        answer = self._client.delete_object(Bucket=self._bucket, Key=key)
        kind = cast("str", answer["ResponseMetadata"]["HTTPHeaders"].get("content-type", ""))
        if kind.startswith("text/html"):
            raise UnexpectedAnswerError("the answer is a web page")

    def begin_upload(self, key: str) -> str:
        """Begin an upload in parts; gives its id."""
        answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, **self._encryption)
        return cast("str", _field(answer, "UploadId"))

    def upload_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Send one part, numbered from 1; gives its ETag as it came.

        Raises:
            PartsExhaustedError: An upload has no part of this number.
        """
        if number > _MOST_PARTS:
            raise PartsExhaustedError(
                f"an upload has at most {_MOST_PARTS:,} parts, and these are of {len(data):,} bytes"
            )
        answer = self._client.upload_part(Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=data)
        return cast("str", _field(answer, "ETag"))

    def finish_upload(self, key: str, upload: str, parts: Sequence[str], *, size: int) -> StoredObject:
        """Make the object of its parts, given by their ETags; ``size`` is what they have together."""
        numbered = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(parts, start=1)]
        answer = self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": numbered}
        )
        if not _etag(answer):  # Ceph 16 tells it only to those who ask afterwards
            return self.head(key)
        return StoredObject(key=key, size=size, etag=_etag(answer), modified_at=_date(answer))

    def abort_upload(self, key: str, upload: str) -> None:
        """Give an upload up; its parts are removed."""
        self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    def presigned_url(self, key: str, *, seconds: int) -> str:
        """An address at which anybody may read an object for a while; no request is made."""
        parameters = {"Bucket": self._bucket, "Key": key}
        return cast("str", self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))


def _open(settings: S3Settings) -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ProfileNotFound
        from botocore.session import Session
    except ModuleNotFoundError as exc:
        why = f"the module {exc.name!r} is not installed"
        raise AdapterNotFoundError("the adapter 's3' needs boto3", why=why, hint="pip install boto3") from exc
    try:
        of_botocore = cast("Any", Session(profile=settings.profile))
        of_botocore.get_component("data_loader").file_loader = _descriptions()
        session = cast("Any", boto3).Session(botocore_session=of_botocore, region_name=settings.region)
        endpoint = settings.endpoint_url or _configured_endpoint(of_botocore)
    except ProfileNotFound as exc:
        hint = "correct profile = ..., or AWS_PROFILE; `aws configure list-profiles` shows what there is"
        raise ConfigurationError(
            "no such profile", where=f"bucket {settings.bucket!r}", why=str(exc), hint=hint
        ) from exc
    elsewhere = endpoint is not None
    checksums = settings.checksums or ("when_required" if elsewhere else "when_supported")
    options: dict[str, Any] = {"addressing_style": _addressing(settings, elsewhere=elsewhere)}
    if settings.unsigned_payload:
        options["payload_signing_enabled"] = False
    config = Config(
        s3=options,
        signature_version="s3v4",  # for presigned addresses too
        # Whoever calls owns the retries: the SDK's own would hide how often a write was sent.
        retries={"total_max_attempts": 1},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        max_pool_connections=max(10, 2 * settings.concurrency),
        tcp_keepalive=True,
    )
    # Services other than Amazon's have no regions that matter; the SDK demands one to sign with.
    region = session.region_name or ("us-east-1" if elsewhere else None)
    client = session.client("s3", region_name=region, endpoint_url=endpoint, config=config, **_credentials(settings))
    client.meta.events.register("before-call.s3", _not_redirected)
    return client


def _configured_endpoint(session: Any) -> str | None:
    """What ``AWS_ENDPOINT_URL`` and its like say: the SDK would take that too, but as if it were Amazon's."""
    from botocore.configprovider import ConfiguredEndpointProvider

    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = cast("Any", ConfiguredEndpointProvider)(
        full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name="s3"
    )
    return cast("str | None", provider.provide())


@cache
def _descriptions() -> Any:
    """The SDK's descriptions of its services, each parsed once: that is most of what making a client takes."""
    from botocore.loaders import JSONFileLoader

    files = cast("Any", JSONFileLoader)()
    files.load_file = cache(files.load_file)
    return files


def _not_redirected(context: dict[str, Any], **_: Any) -> None:
    """Tell the SDK that a request has been redirected already.

    It takes every redirect, a login page's too, for that of a bucket in another region, asks where the bucket is, and
    takes the answer to that, redirected as well, for another: without end. Where Amazon's bucket is in another region,
    the error says so.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True


def _addressing(settings: S3Settings, *, elsewhere: bool) -> str:
    if not elsewhere:
        return "path" if settings.path_style else "auto"
    return "virtual" if settings.path_style is False else "path"  # "auto" is "path" for every other service


def _credentials(settings: S3Settings) -> dict[str, str]:
    names = {
        "aws_access_key_id": settings.access_key_id,
        "aws_secret_access_key": settings.secret_access_key,
        "aws_session_token": settings.session_token,
    }
    return {name: secret.reveal() for name, secret in names.items() if secret is not None}


def _encryption(settings: S3Settings) -> Mapping[str, str]:
    if settings.encryption is None:
        return {}
    asked = {"ServerSideEncryption": _ENCRYPTION[settings.encryption]}
    return asked if settings.kms_key_id is None else {**asked, "SSEKMSKeyId": settings.kms_key_id}


def _field(answer: Mapping[str, Any], name: str) -> Any:
    try:
        return answer[name]
    except KeyError:
        raise UnexpectedAnswerError(f"the answer has no {name}: it is not that of an S3 service") from None


def _etag(answer: Mapping[str, Any]) -> str:
    return cast("str", _field(answer, "ETag")).strip('"')


def _stored(key: str, answer: Mapping[str, Any], size: int) -> StoredObject:
    return StoredObject(key=key, size=size, etag=_etag(answer), modified_at=_utc(_field(answer, "LastModified")))


def _size_of_range(answer: Mapping[str, Any], size: int, start: int, stop: int | None) -> int:
    """The whole object's size, after a look at whether the bytes are those that were asked for."""
    given, _, whole = cast("str", answer.get("ContentRange", "")).partition("/")
    if given.startswith(f"bytes {start}-") and whole.isdecimal():
        return int(whole)
    if given or start or (stop is not None and size > stop):
        raise UnexpectedAnswerError(f"bytes from {start} on were asked for, and {given or 'all of them'} came")
    return size  # some services call a range that holds everything no range


def _utc(time: datetime) -> datetime:
    # To the second, as HTTP's headers tell it: some listings know milliseconds, and both answers shall be the same.
    return time.astimezone(UTC).replace(microsecond=0)


def _date(answer: Mapping[str, Any]) -> datetime:
    # A write's answer has no other time by the service's clock; the object's own is at most a moment earlier.
    header = cast("str", answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
    with suppress(ValueError):  # the object is stored, whatever the header says
        return parsedate_to_datetime(header).astimezone(UTC)
    return datetime.now(UTC)
