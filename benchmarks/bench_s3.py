"""A bucket: large files and many small ones against boto3's own transfers, and a registry's calls against its peers.

The server is Ceph's gateway with everything in memory where it is installed, else ministack; it is started and ended
here, on this host. Transfers alternate and the best of each is compared, so that a busy machine wrongs neither; every
byte is compared. Files lie in the folder for temporary ones (``TMPDIR``).

``--peers`` also measures modelstore and pins, which pip installs into a throw-away environment: the same scikit-learn
model written, listed and read by each library in a process of its own. Requests are counted by a proxy, and times taken
without it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import boto3
from adapter_s3 import S3ArtifactStore, S3Settings
from mlops_core.manifest import FolderPackage, Manifest, PackageFile, verified_chunks
from mlops_core.models import PackageCache
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.secret import Secret
from mlops_core.stores.registry import StoreModelRegistry

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the servers that the tests start

from tests.servers.http_proxy import HttpProxy  # noqa: E402
from tests.servers.s3_servers import ACCESS_KEY, SECRET_KEY, ceph, has_ceph, ministack  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

BUCKET = "bench"
REGION = "us-east-1"
MEBIBYTE = 1 << 20
SMALL_FILES, SMALL_SIZE = 1_000, 100 << 10
BOTO3_THREADS = 8
AIMS = {"1 file down": 1.5, "1 file up": 1.0, "many files down": 1.0, "many files up": 1.0}
"""The least that boto3's seconds divided by ours should be."""
PEERS = ("modelstore==0.0.82", "pins==0.9.2", "s3fs", "boto3")


@contextmanager
def server(folder: Path) -> Generator[tuple[str, str]]:
    """A running server: its name with version, and its address."""
    if has_ceph():
        said = subprocess.run(["ceph", "--version"], check=True, capture_output=True, text=True).stdout
        with ceph(folder, gibibytes=12) as url:  # what is overwritten and deleted stays in its memory
            yield " ".join(said.split()[:3]), url
    else:
        with ministack(folder) as url:
            yield f"ministack {version('ministack')}", url


def native(url: str) -> Any:
    """boto3 as it is."""
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    return cast("Any", boto3).client("s3", endpoint_url=url, region_name=REGION, **keys)


def store_at(url: str, prefix: str) -> S3ArtifactStore:
    """Ours as it is."""
    settings = S3Settings(
        bucket=BUCKET,
        prefix=prefix,
        region=REGION,
        endpoint_url=url,
        access_key_id=Secret(env="AWS_ACCESS_KEY_ID"),
        secret_access_key=Secret(env="AWS_SECRET_ACCESS_KEY"),
    )
    return S3ArtifactStore(settings)


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def alternating(rounds: int, ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    """The best seconds of each."""
    taken = [(timed(theirs), timed(ours)) for _ in range(rounds)]
    return min(each for _, each in taken), min(each for each, _ in taken)


class Results:
    """Prints each comparison, and remembers which missed its aim."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def show(self, name: str, amount: str, ours: float, theirs: float) -> None:
        ratio, aim = theirs / ours, AIMS[name]
        print(
            f"  {name:16} {amount:24} ours {ours:7.2f} s  boto3 {theirs:7.2f} s  {ratio:5.2f} x (aim {aim:g})",
            flush=True,
        )
        if ratio < aim:
            self.missed.append(name)


def one_large_file(url: str, folder: Path, size: int, rounds: int, results: Results) -> None:
    client, store = native(url), store_at(url, "ours")
    store.put("warm", b"")  # its client is made with its first request
    source, target = folder / "source", folder / "target"
    block = os.urandom(16 * MEBIBYTE)
    with source.open("wb") as stream:
        for number in range(size // len(block)):
            stream.write(number.to_bytes(8, "big") + block[8:])
    expected = PackageFile(path="source", size=size, sha256=sha256(source))

    def put() -> None:
        with source.open("rb") as stream:
            assert store.put("source", stream).size == size

    def fetch() -> None:  # with the SHA-256 in the loop, as every package is read
        with store.open("source") as stream, target.open("wb") as copy:
            copy.writelines(verified_chunks(stream, expected, where="the bucket"))

    def check() -> None:
        assert sha256(target) == expected.sha256
        target.unlink()

    ours, theirs = alternating(rounds, put, lambda: client.upload_file(str(source), BUCKET, "theirs/source"))
    amount = f"{size // MEBIBYTE:,} MiB"
    results.show("1 file up", amount, ours, theirs)

    def fetch_with_boto3() -> None:
        client.download_file(BUCKET, "theirs/source", str(target))

    def fetch_and_check_with_boto3() -> None:
        fetch_with_boto3()
        assert sha256(target) == expected.sha256

    ours, theirs = alternating(rounds, fetch, fetch_with_boto3)
    check()
    client.download_file(BUCKET, "ours/source", str(target))
    check()
    results.show("1 file down", f"{amount}, ours verified", ours, theirs)
    ours, theirs = alternating(rounds, fetch, fetch_and_check_with_boto3)
    results.show("1 file down", f"{amount}, both verified", ours, theirs)
    for key in ("ours/source", "theirs/source"):
        client.delete_object(Bucket=BUCKET, Key=key)
    source.unlink()


def small_package(folder: Path, mark: bytes) -> FolderPackage:
    folder.mkdir()
    files: list[PackageFile] = []
    for number in range(SMALL_FILES):
        data = (mark + number.to_bytes(4, "big")).ljust(64, b"\0") + os.urandom(SMALL_SIZE - 64)
        path = f"part-{number:04}.bin"
        (folder / path).write_bytes(data)
        files.append(PackageFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest()))
    manifest = Manifest(framework="python", model_file=files[0].path, serializer="bytes", files=tuple(files))
    (folder / "package.json").write_bytes(manifest.to_bytes())
    return FolderPackage(folder, manifest)


def many_small_files(url: str, folder: Path, rounds: int, results: Results) -> None:
    """A package registered and fetched, against a loop of boto3's over the same files in threads."""
    client, registry = native(url), StoreModelRegistry(store_at(url, "ours"), backend="bench")
    registry.register("warm", small_package_of_one(folder / "warm"), operation_id="warm")  # the bucket has been probed
    packages = [small_package(folder / f"package-{number}", b"%d" % number) for number in range(rounds)]
    paths = [each.path for each in packages[0].manifest.files]
    pins: list[PinnedVersion] = []
    ours_up: list[float] = []
    theirs_up: list[float] = []
    ours_down: list[float] = []
    theirs_down: list[float] = []

    def loop(step: Callable[[str], object]) -> None:
        with ThreadPoolExecutor(BOTO3_THREADS) as pool:
            for _ in pool.map(step, paths):
                pass

    for number, package in enumerate(packages):
        copy, cache = folder / f"copy-{number}", PackageCache(folder / f"cache-{number}", 1 << 40)
        copy.mkdir()

        def register(package: FolderPackage = package, number: int = number) -> None:
            made = registry.register("many", package, operation_id=f"{number}")
            pins.append(PinnedVersion(model="many", version=made.version, digest=made.digest))

        def upload(path: str, package: FolderPackage = package, number: int = number) -> None:
            client.upload_file(str(package.folder / path), BUCKET, f"theirs/{number}/{path}")

        def download(path: str, copy: Path = copy, number: int = number) -> None:
            client.download_file(BUCKET, f"theirs/{number}/{path}", str(copy / path))

        theirs_up.append(timed(lambda step=upload: loop(step)))
        ours_up.append(timed(register))
        theirs_down.append(timed(lambda step=download: loop(step)))
        ours_down.append(timed(lambda cache=cache, pin=pins[-1]: cache.fetch(registry, pin)))
        for path in paths:
            data = (package.folder / path).read_bytes()
            assert (copy / path).read_bytes() == data
            assert (folder / f"cache-{number}" / pins[-1].digest / path).read_bytes() == data
    amount = f"{SMALL_FILES:,} x {SMALL_SIZE >> 10} KiB"
    results.show("many files up", amount, min(ours_up), min(theirs_up))
    results.show("many files down", f"{amount}, verified", min(ours_down), min(theirs_down))


def small_package_of_one(folder: Path) -> FolderPackage:
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"warm")
    file = PackageFile(path="model.bin", size=4, sha256=hashlib.sha256(b"warm").hexdigest())
    manifest = Manifest(framework="python", model_file="model.bin", serializer="bytes", files=(file,))
    (folder / "package.json").write_bytes(manifest.to_bytes())
    return FolderPackage(folder, manifest)


# Each library as its documentation says. A program that is run in a process of its own does one step for each line
# that it reads, and answers with the seconds that the step has taken.
STEPS = """
import sys, time, warnings
warnings.simplefilter("ignore")
from sklearn.ensemble import RandomForestClassifier
rows = [[float(n % 7), float(n % 5), float(n % 3)] for n in range(210)]
labels = [n % 2 for n in range(210)]
def forest(seed):
    return RandomForestClassifier(10, random_state=seed).fit(rows, labels)
models = [forest(seed) for seed in range(7)]
expected = [each.predict_proba(rows).tolist() for each in models]
url, bucket, prefix = sys.argv[1:]
{library}
print("ready", flush=True)
for line in sys.stdin:
    step, number = line.split()
    began = time.perf_counter()
    answer = {{"write": write, "list": listed, "read": read}}[step](int(number))
    taken = time.perf_counter() - began
    if step == "read":
        assert answer.predict_proba(rows).tolist() == expected[int(number)]
    if step == "list":
        assert answer == int(number), answer
    print(taken, flush=True)
"""
LIBRARIES: Mapping[str, str] = {
    "ours": """
from pathlib import Path
import shutil, tempfile, atexit
from mlops_core import open_session
folder = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, folder)
(folder / "mlops.toml").write_text(f'''use = "lake"
[backends.lake]
adapter = "s3"
bucket = "{bucket}"
prefix = "{prefix}"
endpoint_url = "{url}"
access_key_id = {{ env = "AWS_ACCESS_KEY_ID" }}
secret_access_key = {{ env = "AWS_SECRET_ACCESS_KEY" }}
[cache]
path = "cache"
''')
session = open_session(config=folder / "mlops.toml")
last = []
def write(number):
    last[:] = [session.register("churn", models[number])]
def listed(number):
    return len(list(session.model_registry.versions("churn")))
def read(number):
    return session.load(f"churn:{last[0].version}").estimator
""",
    "modelstore": """
from modelstore import ModelStore
store = ModelStore.from_aws_s3(bucket, root_prefix=prefix)
last = []
def write(number):
    last[:] = [store.upload("churn", model=models[number])["model"]["model_id"]]
def listed(number):
    return len(store.list_versions("churn"))
def read(number):
    return store.load("churn", last[0])
""",
    "pins": """
import pins
board = pins.board("s3", f"{bucket}/{prefix}", storage_options={"endpoint_url": url}, allow_pickle_read=True)
def write(number):
    board.pin_write(models[number], "churn", type="joblib")
def listed(number):
    return len(board.pin_versions("churn"))
def read(number):
    return board.pin_read("churn")
""",
}
PLAN = [
    ("write", 0),
    ("list", 1),
    ("write", 1),
    ("write", 2),
    ("write", 3),
    ("write", 4),
    ("write", 5),
    ("list", 6),
    ("read", 5),
]
SHOWN = {0: "first write", 6: "6th write", 7: "list 6", 8: "read"}


def steps_of(python: Path, library: str, url: str, prefix: str, proxy: HttpProxy | None) -> list[tuple[int, float]]:
    """Requests and seconds of each step of a library; requests are 0 without a proxy."""
    program = STEPS.format(library=LIBRARIES[library])
    environment = {**os.environ, "AWS_ENDPOINT_URL": url, "TQDM_DISABLE": "1"}
    said = (Path(tempfile.gettempdir()) / f"bench-s3-{library}.log").open("w+b")
    process = subprocess.Popen(
        [python, "-c", program, url, BUCKET, prefix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        env=environment,
        start_new_session=True,  # no terminal that a library could stop at
    )
    taken: list[tuple[int, float]] = []
    with process, said:
        assert process.stdin
        assert process.stdout
        answer(process.stdout, said)
        for step, number in PLAN:
            if library == "pins" and step == "write":
                time.sleep(1.1)  # its versions of one second and equal content are one
            before = proxy.requests if proxy else 0
            process.stdin.write(f"{step} {number}\n")
            process.stdin.flush()
            seconds = float(answer(process.stdout, said))
            taken.append(((proxy.requests if proxy else 0) - before, seconds))
        process.stdin.close()
    return taken


def answer(output: Any, messages: BinaryIO) -> str:
    """The next line that is ready or a number; libraries print too."""
    for line in output:
        text = cast("str", line).strip()
        if text == "ready" or text.replace(".", "", 1).replace("e-", "", 1).isdecimal():
            return text
    messages.seek(0)
    raise RuntimeError(f"the library's process ended:\n{messages.read().decode()[-2000:]}")


def with_peers(folder: Path) -> Path:
    """The interpreter of a throw-away environment in which the peers are installed."""
    environment = folder / "peers"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", *PEERS, f"scikit-learn=={version('scikit-learn')}"]
    subprocess.run(install, check=True)
    return python


def peers(url: str, python: Path) -> None:
    print("  requests, ms without the proxy (one run; a forest of 10 trees, serialised and deserialised)")
    print(f"  {'':12}" + "".join(f"{name:>18}" for name in SHOWN.values()))
    for library in LIBRARIES:
        of_library = Path(sys.executable) if library == "ours" else python
        steps_of(of_library, library, url, f"warm-{library}", None)
        direct = steps_of(of_library, library, url, f"direct-{library}", None)
        with HttpProxy(url) as proxy:
            counted = steps_of(of_library, library, proxy.url, f"counted-{library}", proxy)
        cells = [f"{counted[at][0]} req {direct[at][1] * 1000:.0f} ms" for at in SHOWN]
        print(f"  {library:12}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", action="store_true", help="install modelstore and pins, and measure them too")
    parser.add_argument("--peers-python", type=Path, help="an interpreter that has them already")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the large file (default: 1024)")
    parser.add_argument("--rounds", type=int, default=3, help="transfers of each kind (default: 3)")
    return parser.parse_args(words)


def main() -> int:
    asked = arguments(sys.argv[1:])
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY, AWS_DEFAULT_REGION=REGION)
    folder = Path(tempfile.mkdtemp(prefix="bench-s3-"))
    os.environ["XDG_CACHE_HOME"] = str(folder)  # what the bucket answered to the probe is forgotten with it
    results = Results()
    try:
        with server(folder) as (name, url):
            python = sys.version.split()[0]
            print(f"{name}, boto3 {version('boto3')}, Python {python}, {platform.system()}, {os.cpu_count()} cores")
            native(url).create_bucket(Bucket=BUCKET)
            one_large_file(url, folder, asked.mebibytes * MEBIBYTE, asked.rounds, results)
            many_small_files(url, folder, asked.rounds, results)
            if asked.peers or asked.peers_python:
                peers(url, asked.peers_python or with_peers(folder))
    finally:
        shutil.rmtree(folder)
    for missed in results.missed:
        print(f"MISSED: {missed!r}")
    return 1 if results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
