#!/usr/bin/env python3
"""Sets the maths beside statsforecast and ruptures, on one machine in one run.

    bench-analytics.py PROGRAM SERIES SAMPLE

PROGRAM is the example `speed` of crates/analytics: it makes SERIES years of daily spend, prints what
it took, and writes the first SAMPLE of them to a file, which the others are measured on.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import numpy
import pandas
import ruptures
import statsforecast
from statsforecast.models import AutoETS

HORIZON = 30
LEVELS = [80, 90, 95]


@dataclass
class Took:
    """Seconds by the clock, and of all processors where they were counted."""

    clock: float
    processors: float | None = None


def main(program: str, count: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "sample.csv")
        ours = run(program, count, size, file)
        sample = pandas.read_csv(file)

    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, {os.getloadavg()[0]:.1f} runnable in the last minute on average\n")
    print_whole(ours, count)
    beside_statsforecast(ours, sample)
    beside_ruptures(ours, sample)


def run(program: str, count: int, size: int, file: str) -> dict[str, Took]:
    command = [program, str(count), str(size), file]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: Took(*map(float, times)) for name, *times in (line.split("\t") for line in lines)}


def print_whole(ours: dict[str, Took], count: int) -> None:
    parts = ["seasons", "decomposition", "trend", "changes", "anomalies", "forecast"]
    print("Two years of daily spend, all said about them, warm, one core (aim 20 ms)")
    print(f"  median {milliseconds(ours['two years, median'])},", end=" ")
    print(f"p95 {milliseconds(ours['two years, p95'])}")
    each = (f"{part} {milliseconds(ours[f'two years, {part}, median'])}" for part in parts)
    print(f"  {', '.join(each)}\n")

    print(f"{count} years of daily spend, all cores (aim 60 s for 10000 on 2 cores)")
    for part in ["forecast", "everything else"]:
        print(f"  {part} {seconds(ours[f'many, {part}'])}")
    print()


def beside_statsforecast(ours: dict[str, Took], sample: pandas.DataFrame) -> None:
    count = sample.unique_id.nunique()

    def forecast(series: pandas.DataFrame) -> None:
        model = statsforecast.StatsForecast(models=[AutoETS(season_length=7)], freq=1, n_jobs=-1)
        model.forecast(df=series, h=HORIZON, level=LEVELS)

    forecast(sample[sample.unique_id < 4])  # Loads and compiles what is to be.
    theirs = timed(lambda: forecast(sample), count)
    print(f"A year, forecast, all cores, each of {count} series; statsforecast's AutoETS, season 7")
    compare("smoothing with backtests", ours["a series, smoothing"], theirs)
    compare("ensemble with backtests", ours["a series, ensemble"], theirs)
    print()


def beside_ruptures(ours: dict[str, Took], sample: pandas.DataFrame) -> None:
    series = [values.to_numpy() for _, values in sample.groupby("unique_id").y]

    def search(detector, rounds: int = 1) -> Took:
        def find() -> None:
            for values in rounds * series:
                standardised = (values - values.mean()) / values.std()
                detector.fit(standardised).predict(pen=2 * numpy.log(len(values)))

        return timed(find, rounds * len(series))

    pelt = search(ruptures.Pelt(model="l2", min_size=2, jump=1))
    skipping = search(ruptures.Pelt(model="l2", min_size=2, jump=5))
    compiled = search(ruptures.KernelCPD(kernel="linear", min_size=2), rounds=10)
    print(f"A year, changes, one core, each of {len(series)} series; ruptures' PELT, squares")
    compare("PELT", ours["a series, pelt"], pelt)
    compare("PELT, theirs in C", ours["a series, pelt"], compiled)
    compare("changes, all in", ours["a series, changes"], pelt)
    compare("changes, all in; theirs at each fifth day", ours["a series, changes"], skipping)


def timed(work, count: int) -> Took:
    """What one of `count` jobs took, those of child processes included."""
    clock, before = time.perf_counter(), processor_seconds()
    work()
    return Took(
        (time.perf_counter() - clock) / count,
        (processor_seconds() - before) / count,
    )


def processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def compare(what: str, ours: Took, theirs: Took) -> None:
    print(f"  {what}: ours {milliseconds(ours)}, theirs {milliseconds(theirs)},", end=" ")
    print(f"ratio {ours.clock / theirs.clock:.4f}", end="")
    if ours.processors is not None and theirs.processors:
        print(f" by the clock, {ours.processors / theirs.processors:.4f} of the processors", end="")
    print()


def milliseconds(took: Took) -> str:
    return f"{1000 * took.clock:.2f} ms"


def seconds(took: Took) -> str:
    spent = "" if took.processors is None else f" ({took.processors:.1f} s of the processors)"
    return f"{took.clock:.1f} s{spent}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
