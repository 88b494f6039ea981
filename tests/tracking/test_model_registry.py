from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganpipe.records.store import load
from tests.tracking.conftest import STARTED, Checkout


def champion(checkout: Checkout) -> Any:
    """The champion's version of the registered model."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{checkout.root}/mlflow.db")
    return client.get_model_version_by_alias("ganpipe-generator", "champion")


def verdict(checkout: Checkout, grid: str) -> str:
    return str(checkout.runs()[grid].data.tags["ganpipe.champion"])


@pytest.mark.parametrize(
    ("value", "protocol", "follows"),
    [(10.0, "p1", True), (12.5, "p1", False), (13.0, "p1", False), (1.0, "p2", False)],
)
def test_only_a_better_winner_under_the_same_protocol_is_promoted(
    checkout: Checkout, value: float, protocol: str, follows: bool
) -> None:
    for run, score, how in (("e01-0", 12.5, "p1"), ("e02-0", value, protocol)):
        checkout.train(run)
        grid = checkout.report(run, score, how, STARTED + round(score))
        checkout.sync()
    assert champion(checkout).tags["run"] == ("e02-0" if follows else "e01-0")
    assert ("follows" in verdict(checkout, grid)) == follows


def test_reports_without_a_winner_promote_nothing(checkout: Checkout) -> None:
    from ganpipe.records import writers

    checkout.train("e01-0", status="diverged")
    folder = checkout.root / "report"
    folder.mkdir()
    writers.report(checkout.root, folder, {"e01-0": "key-e01-0"}, None, writers.RunEnvironment(STARTED))
    checkout.sync()
    assert checkout.shown()["versions"] == []
    assert checkout.runs()["key-e01-0"].data.tags["ganpipe.status"] == "diverged"


def test_the_champion_measured_anew_takes_the_new_measure(checkout: Checkout) -> None:
    checkout.train("e01-0")
    for value, protocol in ((12.5, "p1"), (30.0, "p2")):
        checkout.report("e01-0", value, protocol)
        checkout.sync()
    version = champion(checkout)
    assert (int(version.version), version.tags["value"], version.tags["protocol"]) == (1, "30.0", "p2")


def test_the_champion_answers_with_the_images_of_its_generator(checkout: Checkout) -> None:
    import mlflow

    from ganpipe.sampling.generator import load_generator

    checkout.whole()
    checkout.sync()
    model = mlflow.pyfunc.load_model(champion(checkout).source)
    images = model.predict(pd.DataFrame([{"count": 3, "seed": 5}]))
    expected = load_generator(load(checkout.root, "key-e01-0").folder / "train").sample(3, None, 5)
    np.testing.assert_array_equal(images, expected)


def test_nothing_in_the_model_is_pickled(checkout: Checkout) -> None:
    checkout.whole()
    checkout.sync()
    suffixes = {file.suffix for file in (checkout.root / "mlartifacts").rglob("models/**/*") if file.is_file()}
    assert suffixes <= {".py", ".safetensors", ".json", ".yaml", ".txt", ""}
