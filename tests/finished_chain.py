"""A tiny pipeline that has run once, for all tests that start from one."""

from pathlib import Path

import pytest
from filelock import FileLock

from tests.workspace import Workspace

RUNS = ("e01-lsgan-0", "e09-mlp-0")


@pytest.fixture(scope="session")
def finished_chain(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a pipeline after its first run, created by one test process for all; tests do not change it.

    Tests work in copies: `Workspace(folder, template=finished_chain)`.
    """
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
            new.rename(folder)
    return folder
