"""Prefect: task runs of one flow, in threads, with a server of its own."""

import json
import os
import sys
import tempfile
import time

home = tempfile.TemporaryDirectory()
os.environ.update(PREFECT_HOME=home.name, PREFECT_LOGGING_LEVEL="ERROR", DO_NOT_TRACK="1")
from prefect import flow, task
from prefect.testing.utilities import prefect_test_harness


@task
def trial(number: int) -> int:
    return number


@flow
def sweep(trials: int) -> int:
    return len([future.result() for future in [trial.submit(i) for i in range(trials)]])


trials = int(sys.argv[1])
with prefect_test_harness(server_startup_timeout=120):
    sweep(1)
    started = time.perf_counter()
    done = sweep(trials)
    seconds = time.perf_counter() - started
print(json.dumps({"trials": done, "seconds": seconds}))
