"""Measure how long MLflow's pages take to load in Chromium, and how many rows a run writes.

    .venv/demo/bin/python benchmarks/mlflow_pages.py [--runs 100]    # after `make repro test-browser`

Logs copies of the finished runs of this checkout to a store in a temporary folder, starts plain `mlflow ui` on it, and
opens each page in a browser without a cache, `ROUNDS` times. A page counts as loaded when what it is opened for is
drawn: the rows of the list, the charts, the parallel coordinates of the comparison.
"""

import argparse
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from playwright.sync_api import sync_playwright
from tqdm import tqdm

from ganpipe.records.store import Record, keys, load
from ganpipe.tracking.curves import Point
from ganpipe.tracking.push import log, open_run, push
from ganpipe.tracking.store import Store, open_store
from ganpipe.tracking.timeouts import SYNC

ROUNDS = 3
SEEDS = 5
SYSTEM = (
    "cpu_utilization_percentage", "disk_available_megabytes", "disk_usage_megabytes", "disk_usage_percentage",
    "network_receive_megabytes", "network_transmit_megabytes", "system_memory_usage_megabytes",
    "system_memory_usage_percentage",
)  # fmt: skip
SYSTEM_POINTS = 20
"""Points of a system metric in a training of five minutes."""
WINDOW = {"width": 1500, "height": 1000}
TIMEOUT_MS = 300_000
CHART = ".js-plotly-plot .main-svg"


def main() -> None:
    """Print seconds per page and rows per run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, default=Path.cwd(), help="whose records are copied (default: this)")
    parser.add_argument("--runs", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = fill(chosen.checkout, Path(folder), chosen.runs)
        print_rows(Path(folder) / "mlflow.db")
        with serve(Path(folder)) as address:
            print_seconds(address, pages(store))


def fill(checkout: Path, folder: Path, count: int) -> Store:
    """Log `count` copies of the checkout's finished runs to a new store in the folder, as a training logs itself."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    store = open_store(folder, SYNC)
    finished = [record for key in keys(checkout) if "evaluate" in (record := load(checkout, key)).parts]
    if not finished:
        sys.exit(f"{checkout}: no finished run. Run `make repro` first.")
    for number in tqdm(range(count), desc="log", unit=" runs"):
        record = copy(finished[number // SEEDS % len(finished)], number)
        run = open_run(store, record.key, record.parts["train"])
        system = (Point(f"system/{name}", float(step), step, step) for name in SYSTEM for step in range(SYSTEM_POINTS))
        log(store, run.info.run_id, system, {})
        push(store, record)
    return store


def copy(record: Record, number: int) -> Record:
    """Return the record under another key, as one of `SEEDS` runs of an experiment, with slightly different numbers."""
    experiment, seed = f"experiment-{number // SEEDS:02}", number % SEEDS
    names = {"run": f"{experiment}-{seed}", "experiment": experiment, "seed": str(seed), "title": experiment}
    parts = {name: replace(part, labels=part.labels | names) for name, part in record.parts.items()}
    train, scores = parts["train"], parts["evaluate"]
    parts["train"] = replace(train, settings=train.settings | {"experiment": experiment, "seed": seed})
    numbers = {name: value * (1 + number / 100) for name, value in scores.numbers.items()}
    parts["evaluate"] = replace(scores, numbers=numbers)
    return replace(record, key=f"copy-{number}", parts=parts)


def print_rows(database: Path) -> None:
    """Print how many rows of each kind a run has."""
    with closing(sqlite3.connect(database)) as connection:
        for table in ("metrics", "latest_metrics", "params", "tags"):
            counts = [count for (count,) in connection.execute(f"SELECT count(*) FROM {table} GROUP BY run_uuid")]  # noqa: S608
            print(f"{table:>15}: {statistics.median(counts):.0f} rows per run, at most {max(counts)}")
    print(f"{'database':>15}: {database.stat().st_size / 2**20:.0f} MiB")


def pages(store: Store) -> dict[str, tuple[str, str]]:
    """Return the pages by name: path, and the selector of what must be drawn."""
    newest = [run.info.run_id for run in store.client.search_runs([store.runs_id], max_results=20)]

    def comparison(count: int) -> str:
        query = {"runs": json.dumps(newest[:count]), "experiments": json.dumps([store.runs_id])}
        return f"compare-runs?{urlencode(query)}"

    runs = f"experiments/{store.runs_id}/runs?workflowType=machine_learning"
    return {
        "list of runs": (f"{runs}&compareRunsMode=TABLE", "[role=row] a >> nth=9"),
        "saved view": (f"{runs}&viewStateShareKey=compare", "[role=row] a >> nth=9"),
        "chart view": (f"{runs}&compareRunsMode=CHART", CHART),
        "comparison of 5": (comparison(5), CHART),
        "comparison of 20": (comparison(20), CHART),
        "page of a run": (f"experiments/{store.runs_id}/runs/{newest[0]}", "text=/^Metrics \\(/"),
    }


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve MLflow's page on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    with subprocess.Popen(
        [*command, "--port", str(port), "--workers", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        address = f"http://127.0.0.1:{port}/"
        while True:
            try:
                urlopen(address).close()
                break
            except URLError:
                time.sleep(0.2)
        yield address
        server.terminate()


def print_seconds(address: str, shown: dict[str, tuple[str, str]]) -> None:
    """Print the seconds until each page is drawn: median and range of `ROUNDS` loads in a new browser profile."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("No browser: install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, (route, drawn) in shown.items():
            seconds = sorted(load_page(browser, f"{address}#/{route}", drawn) for _ in range(ROUNDS))
            print(f"{name:>16}: {statistics.median(seconds):5.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})")
        browser.close()


def load_page(browser: Any, url: str, drawn: str) -> float:
    """Return the seconds from the request until an element that matches `drawn` is visible."""
    context = browser.new_context(viewport=WINDOW)
    page = context.new_page()
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(drawn, timeout=TIMEOUT_MS)
    seconds = time.perf_counter() - start
    context.close()
    return seconds


if __name__ == "__main__":
    main()
