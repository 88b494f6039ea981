"""A finished tiny pipeline that tests may damage. `make fire` sets GANPIPE_FIRE=long for long tests."""

import os
from pathlib import Path

import pytest

from tests.workspace import Workspace

LONG = os.environ.get("GANPIPE_FIRE") == "long"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the finished pipeline as slow."""
    for item in items:
        if "chain" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.chain)


@pytest.fixture(scope="module")
def chain(finished_chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the finished pipeline, without an MLflow store."""
    return Workspace(tmp_path_factory.mktemp("chain"), template=finished_chain)
