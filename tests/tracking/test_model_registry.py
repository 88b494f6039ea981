from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganpipe.records import writers
from ganpipe.records.store import load
from ganpipe.tracking.model_registry import NO_REGISTRY
from ganpipe.tracking.stage_tracking import Tracking
from ganpipe.tracking.sync import sync
from tests.tracking.conftest import STARTED, Checkout
from tests.tracking.servers import mlflow_server


def champion(checkout: Checkout) -> Any:
    """Return the champion's version of the registered model."""
    return checkout.client().get_model_version_by_alias("ganpipe-generator", "champion")


def verdict(checkout: Checkout, grid: str) -> str:
    return str(checkout.runs()[grid].data.tags["champion"])


@pytest.mark.parametrize(
    ("value", "protocol", "promoted"),
    [(10.0, "p1", True), (12.5, "p1", False), (13.0, "p1", False), (1.0, "p2", False)],
)
def test_only_a_better_winner_under_the_same_protocol_is_promoted(
    checkout: Checkout, value: float, protocol: str, promoted: bool
) -> None:
    for run, score, measured in (("e01-0", 12.5, "p1"), ("e02-0", value, protocol)):
        checkout.train(run)
        grid = checkout.report(run, value=score, protocol=measured, started=STARTED + round(score))
        checkout.sync()
    assert champion(checkout).tags["run"] == ("e02-0" if promoted else "e01-0")
    assert ("replaces" in verdict(checkout, grid)) == promoted


def test_a_winner_by_the_opposite_direction_is_not_compared(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.report("e01-0", value=12.5)
    checkout.sync()
    checkout.train("e02-0")
    grid = checkout.report("e02-0", value=13.0, direction="higher", started=STARTED + 30_000)
    checkout.sync()
    assert champion(checkout).tags["run"] == "e01-0"
    assert "was not compared" in verdict(checkout, grid)


def test_reports_without_a_winner_promote_nothing(checkout: Checkout) -> None:
    checkout.train("e01-0", status="diverged")
    folder = checkout.root / "report"
    folder.mkdir()
    writers.write_report(checkout.root, folder, {"e01-0": "key-e01-0"}, {}, None, writers.RunEnvironment(STARTED))
    checkout.sync()
    assert checkout.shown()["versions"] == []
    assert checkout.runs()["key-e01-0"].data.tags["status"] == "diverged"


def test_a_champion_that_is_evaluated_again_gets_the_new_value(checkout: Checkout) -> None:
    checkout.train("e01-0")
    for value, protocol in ((12.5, "p1"), (30.0, "p2")):
        checkout.report("e01-0", value=value, protocol=protocol)
        checkout.sync()
    version = champion(checkout)
    assert (int(version.version), version.tags["value"], version.tags["protocol"]) == (1, "30.0", "p2")


def test_a_champion_that_is_trained_again_is_registered_with_its_new_weights(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.report("e01-0", value=12.5)
    checkout.sync()
    checkout.train("e01-0", offset=5.0)
    checkout.report("e01-0", value=12.0)
    checkout.sync()
    version = champion(checkout)
    assert int(version.version) == 2
    assert version.run_id == checkout.runs()["key-e01-0"].info.run_id


@pytest.mark.parametrize("missing", ["/logged-models", "/registered-models"])
def test_a_server_without_logged_models_shows_runs_and_skips_the_champion(
    checkout: Checkout, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one of MLflow 2, or a hosted service."""
    key = checkout.whole()
    checkout.whole("e02-0", value=10.0, started=STARTED + 100_000)
    with mlflow_server(checkout, monkeypatch, missing=missing):
        lines: list[str] = []
        assert len(sync(checkout.root, lines.append).shown) == 4
        assert lines.count(NO_REGISTRY) == 1
        assert sync(checkout.root, lines.append).shown == []
        assert missing == "/registered-models" or checkout.client().search_registered_models() == []
        with Tracking(checkout.root) as tracking:
            tracking.publish(writers.grid_key([key]))
    linked = f"The report with links to its runs: {checkout.root / '.ganpipe' / 'report-linked.html'}"
    assert capsys.readouterr() == (f"{NO_REGISTRY}\n{linked}\n", ""), "no warning of a failed server"
    assert checkout.runs()[key].data.tags["rank"] == "1"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    checkout.sync()
    assert champion(checkout).tags["run"] == "e02-0", "once the server has been updated"


def test_a_champion_that_was_registered_by_hand_stays(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    client = checkout.client()
    client.create_registered_model("ganpipe-generator")
    version = client.create_model_version("ganpipe-generator", "file:///mine")
    client.set_registered_model_alias("ganpipe-generator", "champion", version.version)
    grid = checkout.report("e01-0")
    checkout.sync()
    assert int(champion(checkout).version) == int(version.version)
    assert "registered by hand" in verdict(checkout, grid)


def test_the_champion_returns_the_images_of_its_generator(checkout: Checkout) -> None:
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
