"""Forks while a thread holds every lock that the adapter has made; prints what the child and then the parent do."""

from __future__ import annotations

import os
import signal
import sys
import threading
from unittest import mock

from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.testing import make_package

new_lock = threading.Lock
locks: list[threading.Lock] = []


def noted_lock() -> threading.Lock:
    locks.append(new_lock())
    return locks[-1]


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def use(text: str) -> None:
    """Come by each of the locks."""
    registry, tracker = ports.registry, ports.tracker
    version = registry.register("churn", make_package(text), operation_id=text).version
    registry.set_alias("churn", "champion", version)
    with registry.open(registry.resolve("churn", "champion"), "model.bin") as stream:
        content = stream.read().decode()
    with tracker.start_run("training") as run:
        run.log_params({"a": 1})
    say(text, version, content, len(list(tracker.runs("training"))))


def hold_them() -> None:
    for each in locks:
        each.acquire()
    held.set()
    forked.wait(30)
    for each in locks:
        each.release()


with mock.patch.object(threading, "Lock", noted_lock):
    ports = MlflowPorts(MlflowSettings(tracking_uri=sys.argv[1], workspace=sys.argv[2]), backend="team")
use("before")
held, forked = threading.Event(), threading.Event()
thread = threading.Thread(target=hold_them)
thread.start()
held.wait(30)
child = os.fork()
if child == 0:
    signal.alarm(30)  # ends a child that waits for a lock whose holder does not exist here
    use("child")
    os._exit(0)
_, status = os.waitpid(child, 0)
forked.set()
thread.join()
use("parent")
say(len(locks) > 5, status)
ports.close()
