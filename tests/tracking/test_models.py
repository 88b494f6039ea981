from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ganpipe.records import writers
from ganpipe.records.store import load
from ganpipe.sampling.generator import load_generator
from ganpipe.sampling.selection import GeneratorSelection
from ganpipe.tracking.push import state
from tests.tracking.conftest import Checkout


def only_model(checkout: Checkout) -> Any:
    client = checkout.client()
    (model,) = client.search_logged_models([client.get_experiment_by_name("ganpipe").experiment_id])
    return model


def test_every_training_has_a_model_that_returns_its_images(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    model = only_model(checkout)
    run = checkout.runs()["key-e01-0"]
    assert model.source_run_id == run.info.run_id
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    images = mlflow.pyfunc.load_model(model.artifact_location).predict(pd.DataFrame([{"count": 3, "seed": 5}]))
    expected = load_generator(load(checkout.root, "key-e01-0").folder / "train").sample(3, None, 5)
    np.testing.assert_array_equal(images, expected)


def test_a_chosen_generator_replaces_the_last_one_as_model_and_champion(checkout: Checkout) -> None:
    """Also in the other direction, and without training again."""
    key, chosen = checkout.whole(), GeneratorSelection(1, "fd_judge", 100, 50, (1, 2), (3.5, 4.0))

    def shown() -> tuple[str, str, NDArray[np.uint8]]:
        client = checkout.client()
        run = checkout.runs()[key]
        model = client.get_logged_model(state(run)["model"])
        version = client.get_model_version_by_alias("ganpipe-generator", "champion")
        assert version.source == model.artifact_location
        images = mlflow.pyfunc.load_model(model.artifact_location).predict(pd.DataFrame([{"count": 3, "seed": 5}]))
        return run.data.tags["sampled_epoch"], run.data.tags["mlflow.note.content"], images

    def expect(part: str, epoch: str, sentence: bool) -> None:
        checkout.sync()
        tag, note, images = shown()
        np.testing.assert_array_equal(images, load_generator(load(checkout.root, key).folder / part).sample(3, None, 5))
        assert tag == epoch
        assert ("after epoch 1 of 2, selected among 2 by fd_judge = 3.5 on 50 training images" in note) == sentence
        assert checkout.sync().shown == []

    expect("train", "last", sentence=False)
    checkout.sample("e01-0", chosen=chosen)
    checkout.report("e01-0", value=11.0)
    expect("sample", "1", sentence=True)
    card = checkout.client().get_model_version_by_alias("ganpipe-generator", "champion").description
    assert "| generator | after epoch 1 of 2, selected among 2 by fd_judge" in card
    checkout.sample("e01-0")
    checkout.report("e01-0", value=12.0)
    expect("train", "last", sentence=False)


@pytest.mark.parametrize(("run", "name"), [("e01-0", "e01-0"), ("e03-lr0.001-0", "e03-lr0_001-0")])
def test_the_model_has_the_name_of_its_run(run: str, name: str, checkout: Checkout) -> None:
    checkout.train(run)
    checkout.sync()
    assert only_model(checkout).name == name


def test_the_model_shows_settings_and_scores(checkout: Checkout) -> None:
    checkout.whole(value=12.5)
    checkout.sync()
    model = only_model(checkout)
    assert model.params["train.lr"] == "0.001"
    assert {metric.key: metric.value for metric in model.metrics}["eval/fd_judge"] == 12.5


def test_mlflow_has_one_copy_of_the_weights_also_of_the_champion(checkout: Checkout) -> None:
    checkout.whole()
    checkout.sync()
    checkout.sync()
    copies = list((checkout.root / "mlartifacts").rglob("generator.safetensors"))
    assert len(copies) == 1
    champion = checkout.client().get_model_version_by_alias("ganpipe-generator", "champion")
    assert champion.source == only_model(checkout).artifact_location


def test_a_training_without_weights_has_no_model(checkout: Checkout) -> None:
    folder = checkout.model("e01-0", status="diverged")
    (folder / "generator.safetensors").unlink()
    writers.write_training(checkout.root, "key-e01-0", checkout.part("e01-0"), folder)
    checkout.sync()
    client = checkout.client()
    assert not client.search_logged_models([client.get_experiment_by_name("ganpipe").experiment_id])
