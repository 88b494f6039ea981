"""A finished tiny pipeline that tests may damage. `make fire` sets GANPIPE_FIRE=long for long tests."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tests.workspace import Workspace

LONG = os.environ.get("GANPIPE_FIRE") == "long"
RUNS = ("e01-lsgan-0", "e09-mlp-0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the finished pipeline as slow."""
    for item in items:
        if "chain" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.chain)


@pytest.fixture(scope="session")
def finished_chain(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a pipeline after its first run, created by one test process for all; tests do not change it."""
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent
    folder = shared / "finished-chain"
    with FileLock(shared / "finished-chain.lock"):
        if not folder.exists():
            new = tmp_path_factory.mktemp("new") / "chain"
            new.mkdir()
            workspace = Workspace(new)
            workspace.params(
                grid__experiments=[run.removesuffix("-0") for run in RUNS],
                grid__seeds=[0],
                budget={"epochs": 2, "images": 300},
                train__generator={"width": 4},
                train__discriminator={"width": 4},
                train__batch_size=64,
                sample__count=150,
                # Without ImageNet features, which would take most of the time of two stages.
                evaluate__metrics=["fd_judge", "kid", "precision", "sharpness", "class_coverage", "near_duplicates"],
                select={"metric": "fd_judge"},
                datasets__mnist__judge={
                    "epochs": 4,
                    "batch_size": 32,
                    "depth": 0,
                    "width": 8,
                },  # learns enough to decide
            )
            workspace.commit()
            workspace.run("python", "-m", "ganpipe", "repro", "-j", "2")
            workspace.commit()
            for store in ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm"):  # it contains absolute paths
                (new / store).unlink(missing_ok=True)
            shutil.rmtree(new / "mlartifacts")
            new.rename(folder)
    return folder


@pytest.fixture(scope="module")
def chain(finished_chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the finished pipeline without an MLflow store."""
    return Workspace(tmp_path_factory.mktemp("chain"), template=finished_chain)
