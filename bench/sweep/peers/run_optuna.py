"""Optuna: trials in this process, kept in SQLite."""

import json
import os
import sys
import tempfile
import time

import optuna

trials = int(sys.argv[1])
optuna.logging.set_verbosity(optuna.logging.ERROR)
with tempfile.TemporaryDirectory() as folder:
    storage = "sqlite:///" + os.path.join(folder, "optuna.db")
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler())
    started = time.perf_counter()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=trials)
    seconds = time.perf_counter() - started
print(json.dumps({"trials": trials, "seconds": seconds}))
