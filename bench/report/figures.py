# SPDX-License-Identifier: BSL-1.0
"""Reads what the benchmark programs measured."""
import dataclasses
import json
import pathlib
import re
import statistics

SUFFIX = re.compile(r"(/(iterations:\d+|repeats:\d+|manual_time|real_time))+$")
NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
NOT_A_COUNTER = {"family_index", "per_family_instance_index", "repetitions", "repetition_index",
                 "threads", "iterations", "real_time", "cpu_time"}


@dataclasses.dataclass
class Figure:
    """One case. Others' work on the machine only ever adds to a time, so of all repetitions the
    least is kept; of a counter it is the median."""
    nanoseconds: float
    counters: dict


def runs_of(path):
    with open(path, encoding="utf-8") as file:
        runs = [run for run in json.load(file)["benchmarks"] if run["run_type"] == "iteration"]
    for run in runs:
        if run.get("error_occurred"):
            raise ValueError(f"{run['name']}: {run.get('error_message')}")
    return runs


def read(paths):
    """{name: Figure} of one program's JSON, a file for each round."""
    by_name = {}
    for run in (run for path in paths for run in runs_of(path)):
        by_name.setdefault(SUFFIX.sub("", run["run_name"]), []).append(run)
    return {name: figure_of(runs) for name, runs in by_name.items()}


def figure_of(runs):
    time = min(run["real_time"] * NANOSECONDS[run["time_unit"]] for run in runs)
    counters = {key: statistics.median(run[key] for run in runs) for key, value in runs[0].items()
                if key not in NOT_A_COUNTER and isinstance(value, (int, float))}
    return Figure(time, counters)


def read_all(directory):
    """{program: {name: Figure}} of all programs that left their JSON in a directory, as
    PROGRAM.ROUND.json."""
    paths = {}
    for path in sorted(pathlib.Path(directory).glob("*.*.json")):
        paths.setdefault(path.name.split(".")[0], []).append(path)
    return {program: read(its_paths) for program, its_paths in paths.items()}
