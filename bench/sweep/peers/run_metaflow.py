"""Metaflow: a foreach over trials, a process each, on this machine."""

import json
import os
import subprocess
import sys
import tempfile
import time

FLOW = """
from metaflow import FlowSpec, Parameter, step


class Sweep(FlowSpec):
    trials = Parameter("trials", type=int, default=1)

    @step
    def start(self):
        self.numbers = list(range(self.trials))
        self.next(self.trial, foreach="numbers")

    @step
    def trial(self):
        self.x = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.done = len(list(inputs))
        self.next(self.end)

    @step
    def end(self):
        print("done", self.done)


if __name__ == "__main__":
    Sweep()
"""

trials = int(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    program = os.path.join(folder, "sweep.py")
    with open(program, "w") as file:
        file.write(FLOW)
    run = [sys.executable, program, "--quiet", "--no-pylint", "--metadata=local", "run"]
    limits = ["--max-workers", "2", "--max-num-splits", str(trials + 1), "--trials", str(trials)]
    env = {**os.environ, "METAFLOW_USER": "bench", "HOME": folder, "USERNAME": "bench"}
    started = time.perf_counter()
    subprocess.run(run + limits, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
print(json.dumps({"trials": trials, "seconds": seconds}))
