"""A checkout with real records in a temporary folder, and a real MLflow store."""

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from ganpipe.common.image_grid import save_grid
from ganpipe.records import writers
from ganpipe.records.run_environment import RunEnvironment
from ganpipe.records.store import Part
from ganpipe.records.writers import Winner
from ganpipe.sampling.generator import Description, save_generator
from ganpipe.sampling.selection import SELECTION, GeneratorSelection
from ganpipe.tracking.experiments import PIPELINE, RUNS
from ganpipe.tracking.sync import SyncResult, sync

QUERIES = {
    "experiments": "SELECT name, artifact_location FROM experiments WHERE lifecycle_stage = 'active'",
    "runs": "SELECT run_uuid, name, status, start_time, end_time FROM runs WHERE lifecycle_stage = 'active'",
    "params": "SELECT run_uuid, key, value FROM params",
    "metrics": "SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics",
    "latest": "SELECT run_uuid, key, step, timestamp, value FROM latest_metrics",
    "tags": "SELECT run_uuid, key, value FROM tags",
    "datasets": "SELECT destination_id, name, digest FROM inputs JOIN datasets ON dataset_uuid = source_id",
    "models": "SELECT source_run_id, name, status FROM logged_models",
    "model_metrics": "SELECT run_id, metric_name, metric_value FROM logged_model_metrics",
    "versions": "SELECT name, version, run_id FROM model_versions",
    "version_tags": "SELECT name, version, key, value FROM model_version_tags",
    "aliases": "SELECT name, alias, version FROM registered_model_aliases",
}
STARTED = 1_700_000_000_000
DATASETS = {"mnist": {"title": "MNIST", "licence": "CC BY-SA 3.0", "citation": "LeCun"}}
EPOCH = 6  # steps
EPOCHS = 2


@dataclass
class Checkout:
    """A main checkout, and the outputs of runs as the stages leave them."""

    root: Path
    empty_database: Path

    def wipe_store(self) -> None:
        """Empty the MLflow store. The file stays, because MLflow keeps it open in this process."""
        shutil.rmtree(self.root / "mlartifacts", ignore_errors=True)
        with (
            closing(sqlite3.connect(self.empty_database)) as empty,
            closing(sqlite3.connect(self.root / "mlflow.db")) as database,
        ):
            empty.backup(database)

    def sync(self) -> SyncResult:
        return sync(self.root, report=lambda line: None)

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.root}/mlflow.db")

    def runs(self, *names: str) -> dict[str, Any]:
        """Return all active MLflow runs of the experiments (default: both) by key, read with an independent client."""
        client = self.client()
        found = [client.get_experiment_by_name(name) for name in names or (RUNS.name, PIPELINE.name)]
        runs = client.search_runs([experiment.experiment_id for experiment in found if experiment])
        return {run.data.tags["ganpipe.key"]: run for run in runs}

    def shown(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the complete content of the store, with record keys in place of MLflow's random ids."""
        keys = {run.info.run_id: key for key, run in self.runs().items()}
        with closing(sqlite3.connect(self.root / "mlflow.db")) as connection:
            rows = {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}
            models = connection.execute("SELECT model_id, source_run_id FROM logged_models").fetchall()
        keys |= {model: f"model of {keys[run]}" for model, run in models if run in keys}
        artifacts = [
            (str(file.relative_to(self.root)), file.read_bytes())
            for file in (self.root / "mlartifacts").glob("*/artifacts/**/*")
            if file.is_file() and "/models/" not in str(file)
        ]

        def named(value: Any) -> Any:
            for run_id, key in keys.items() if isinstance(value, str) else ():
                value = value.replace(run_id, key)
            return value

        return {
            name: sorted((tuple(named(value) for value in row) for row in table), key=repr)
            for name, table in {**rows, "artifacts": artifacts}.items()
        }

    def plan(self, run: str, **sample: Any) -> dict[str, Any]:
        experiment, seed = run.rsplit("-", 1)
        return {
            "run": run,
            "experiment": experiment,
            "seed": int(seed),
            "document": "002",
            "title": f"Experiment {experiment}",
            "train": {
                "dataset": "mnist",
                "method": "gan",
                "lr": 0.001,
                "betas": [0.5, 0.999],
                "images": None,
                "epochs": EPOCHS,
                "generator": {"width": 8},
            },
            "sample": {"count": 100, "seed": 1, **sample},
            "evaluate": {"metrics": ["fd_judge"]},
            "code": {"train": "c0de", "sample": "c0de", "evaluate": "c0de"},
            "packages": {"torch": "2"},
        }

    def rows(self, first: int = 1, last: int = 12, offset: float = 0.0) -> list[dict[str, Any]]:
        """Return rows of history.csv."""
        return [
            {
                "step": step,
                "epoch": 1 + (step - 1) // EPOCH,
                "images": 8 * step,
                "loss_d": offset + step / 3,
                "loss_g": 1 / step,
            }
            for step in range(first, last + 1)
        ]

    def epochs(self, first: int = 1, last: int = EPOCHS) -> list[dict[str, Any]]:
        """Return rows of epochs.csv."""
        return [{"epoch": epoch, "loss_d": 1.0, "sharpness": epoch / 7} for epoch in range(first, last + 1)]

    def model(self, run: str, steps: int = 12, offset: float = 0.0, status: str = "ok") -> Path:
        folder = self.root / "out" / "models" / run
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        description = Description("mlp", {}, 4, 0, 1, 28, "signed")
        save_generator(description.build(), description, folder)
        write_rows(folder / "history.csv", self.rows(1, steps, offset))
        write_rows(folder / "epochs.csv", self.epochs(1, steps // EPOCH))
        write_status(folder, status)
        for epoch in range(1, 1 + steps // EPOCH):
            save_grid(noise(epoch), folder / "progress" / f"epoch-{epoch:04}.png", columns=2)
        return folder

    def part(self, run: str, started: int = STARTED, grid: str = "0123456789abcdef") -> Part:
        labels = {"git_commit": "abc", "git_dirty": "false", "user": "me", "machine": "here"}
        return writers.training_part(self.plan(run), "f1", grid, RunEnvironment(started, labels, {}))

    def train(self, run: str, started: int = STARTED, **model: Any) -> str:
        key = f"key-{run}"
        writers.write_training(self.root, key, self.part(run, started), self.model(run, **model), {"seconds": 2.5})
        return key

    def sample(self, run: str, started: int = STARTED + 5000, chosen: GeneratorSelection | None = None) -> None:
        """Record samples. chosen: how their generator was chosen, which is another one than that of `model`."""
        folder = self.root / "out" / "samples" / run
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if chosen:
            torch.manual_seed(1)
            description = Description("mlp", {}, 4, 0, 1, 28, "signed")
            save_generator(description.build(), description, folder)
            (folder / SELECTION).write_text(json.dumps(asdict(chosen)))
        np.save(folder / "images.npy", noise(1))
        save_grid(noise(1), folder / "grid.png", columns=2)
        write_status(folder, "ok")
        writers.write_samples(self.root, f"key-{run}", self.plan(run), folder, RunEnvironment(started))

    def evaluate(
        self, run: str, value: float = 12.5, started: int = STARTED + 9000, count: int = 100, copied: str = ""
    ) -> None:
        """Record the scores of a run. copied: why its samples count as copies."""
        score = self.root / "out" / "scores" / f"{run}.json"
        score.parent.mkdir(parents=True, exist_ok=True)
        metrics = {
            "fd_judge": {"value": value, "ratio": None},
            "sharpness": {"value": 3.0, "ratio": 0.9},
        }
        status = "copied" if copied else "ok"
        record = {"status": status, "reason": copied, "metrics": metrics, "protocols": {"p1": {}}}
        score.write_text(json.dumps(record))
        plan = self.plan(run, count=count)
        writers.write_evaluation(self.root, f"key-{run}", plan, score, RunEnvironment(started, {}, {"seconds": 1.0}))

    def prepare(self) -> str:
        folder = self.root / "out" / "prepared" / "mnist"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataset.json").write_text("{}")
        files, counts = {"dataset.json": folder / "dataset.json"}, {"train_images": 10.0}
        return writers.write_data_stage(
            self.root, "prepare", "mnist", files, {"size": 28}, counts, RunEnvironment(STARTED - 9000)
        )

    def report(
        self,
        *runs: str,
        value: float = 12.5,
        protocol: str = "p1",
        started: int = STARTED + 20_000,
        unranked: tuple[str, ...] = (),
        verdict: str = "established",
        reason: str = "diverged",
        metric: str = "fd_judge",
        direction: Literal["lower", "higher"] = "lower",
        page: str = "",
    ) -> str:
        """Record a report that ranks the runs in this order, the first with the value.

        verdict: its kind; a tie is one of the first two. reason: why runs are unranked. metric, direction: what
        decides. page: content of report.html.
        """
        folder = self.root / "out" / "report"
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(page or f"<p>{runs[:1]}")
        places = [
            {"rank": rank, "last_rank": rank, "experiment": run.rsplit("-", 1)[0], "runs": [run],
             "values": [value + rank - 1.0], "mean": value + rank - 1.0, "best_run": run, "interval": None}
            for rank, run in enumerate(runs, 1)
        ]  # fmt: skip
        reasons = [{"experiment": run.rsplit("-", 1)[0], "runs": [run], "reason": reason} for run in unranked]
        candidates = [
            run.rsplit("-", 1)[0]
            for run in runs[: {"established": 1, "unopposed": 1, "tie": 2}.get(verdict, len(runs))]
        ]
        label = "not established from one seed" if verdict == "one seed" else " or ".join(candidates)
        decided = {"kind": verdict, "candidates": candidates, "label": label}
        board = {
            "verdict": decided,
            "dataset": "mnist",
            "metric": metric,
            "direction": direction,
            "places": places,
            "unranked": reasons,
        }
        (folder / "ranking.json").write_text(json.dumps({"boards": [board], "select": {"confidence": 0.95}}))
        save_grid(noise(1), folder / "figures" / "losses.png", columns=2)
        winner = Winner(runs[0], f"key-{runs[0]}", metric, value, direction, protocol) if runs else None
        keys = {run: f"key-{run}" for run in (*runs, *unranked)}
        return writers.write_report(self.root, folder, keys, DATASETS, winner, RunEnvironment(started))

    def whole(self, run: str = "e01-0", value: float = 12.5, started: int = STARTED) -> str:
        """Record all stages of a run, and its report; return the run's key."""
        grid = writers.grid_key([f"key-{run}"])
        part = self.part(run, started, grid)
        writers.write_training(self.root, f"key-{run}", part, self.model(run), {"seconds": 2.5})
        self.sample(run, started + 5000)
        self.evaluate(run, value, started + 9000)
        self.report(run, value=value, started=started + 20_000)
        return f"key-{run}"


def noise(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (4, 1, 8, 8), dtype=np.uint8)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    if rows:
        with path.open("w", newline="") as lines:
            writer = csv.writer(lines)
            writer.writerow(rows[0])
            writer.writerows([f"{value:.7g}" for value in row.values()] for row in rows)


def write_status(folder: Path, status: str) -> None:
    (folder / "status.json").write_text(json.dumps({"status": status, "reason": "" if status == "ok" else "why"}))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's schema and nothing else: writing the schema takes seconds."""
    from mlflow import MlflowClient

    database = tmp_path_factory.mktemp("schema") / "mlflow.db"
    MlflowClient(f"sqlite:///{database}").search_experiments()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


@pytest.fixture
def checkout(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")  # their values differ from time to time
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)  # left over in a shell: must not matter
    checkout = Checkout(tmp_path, empty_database)
    checkout.wipe_store()
    return checkout
