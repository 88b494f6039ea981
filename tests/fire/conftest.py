"""A finished tiny chain that tests may damage, and how long they go on: `make fire` sets GANPIPE_FIRE=long."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tests.workspace import Workspace

LONG = os.environ.get("GANPIPE_FIRE") == "long"
RUNS = ("e01-lsgan-0", "e09-mlp-0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever makes use of the finished chain takes its time."""
    for item in items:
        if "chain" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.chain)


@pytest.fixture(scope="session")
def finished_chain(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a chain after its first run, made by one of the test's processes for all; it stays as it is."""
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent
    folder = shared / "finished-chain"
    with FileLock(shared / "finished-chain.lock"):
        if not folder.exists():
            making = tmp_path_factory.mktemp("making") / "chain"
            making.mkdir()
            workspace = Workspace(making)
            workspace.params(
                grid__experiments=[run.removesuffix("-0") for run in RUNS],
                budget={"epochs": 2, "images": 300},
                train__generator={"width": 4},
                train__discriminator={"width": 4},
                train__batch_size=64,
                sample__count=150,
                datasets__mnist__judge={"epochs": 1},
            )
            workspace.commit()
            workspace.run("python", "-m", "ganpipe", "repro", "-j", "2")
            workspace.commit()
            for store in ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm"):  # it knows where it was made
                (making / store).unlink(missing_ok=True)
            shutil.rmtree(making / "mlartifacts")
            making.rename(folder)
    return folder


@pytest.fixture(scope="module")
def chain(finished_chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the finished chain, without an MLflow store."""
    return Workspace(tmp_path_factory.mktemp("chain"), template=finished_chain)
