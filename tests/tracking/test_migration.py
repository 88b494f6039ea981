"""A store of layout 1, with parent runs and a point for every step, becomes one of the present layout without loss."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganpipe.records import writers
from ganpipe.records.store import load
from ganpipe.tracking.artifacts import is_recorded, upload_part
from ganpipe.tracking.experiments import LAYOUT, LAYOUT_TAG, PIPELINE, RUNS
from ganpipe.tracking.model_registry import CHAMPION, MODEL
from ganpipe.tracking.store import Store, open_store
from ganpipe.tracking.sync import unsynced
from ganpipe.tracking.timeouts import SYNC
from tests.tracking.conftest import STARTED, Checkout

KEY = "key-e01-0"
GRID = writers.grid_key([KEY])


class Legacy:
    """Writes runs as layout 1 did."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout, self.client = checkout, checkout.client()
        location = (checkout.root / "mlartifacts").as_uri()
        self.experiment = self.client.create_experiment("ganpipe", artifact_location=location)

    def run(self, key: str, kind: str, parts: tuple[str, ...], **tags: str) -> str:
        record = load(self.checkout.root, key)
        known = {"ganpipe.key": key, "ganpipe.kind": kind, "ganpipe.machine": "here", "sample.count": "100"}
        digests = {f"ganpipe.part.{name}": record.parts[name].digest for name in parts}
        run = self.client.create_run(self.experiment, tags=known | digests | tags, start_time=STARTED)
        for step in range(1, 13):
            self.client.log_metric(run.info.run_id, "train/loss_d", step / 3, step=step)
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def champion(self, run_id: str, record_key: str) -> None:
        self.client.create_registered_model(MODEL)
        tags = {"key": record_key, "run": "e01-0", "metric": "fd_judge", "value": "12.5", "direction": "lower"}
        version = self.client.create_model_version(MODEL, "file:///old", run_id, tags={**tags, "protocol": "p1"})
        self.client.set_registered_model_alias(MODEL, CHAMPION, version.version)

    def active(self) -> dict[str, Any]:
        runs = self.client.search_runs([self.experiment])
        return {run.info.run_id: run for run in runs if "ganpipe.kind" in run.data.tags}


@pytest.fixture
def legacy(checkout: Checkout) -> Legacy:
    """A training with all its stages, a data stage and a report, all of which are shown in layout 1."""
    data = checkout.prepare()
    checkout.whole()
    made = Legacy(checkout)
    report = load(checkout.root, GRID).parts["report"].digest
    judged = {"ganpipe.judged": report, "ganpipe.champion": "e01-0 is the first champion"}
    grid = made.run(GRID, "grid", ("report",), **judged)
    parent = {"mlflow.parentRunId": grid}
    run = made.run(KEY, "run", ("train", "sample", "evaluate"), favourite="yes", **parent)
    made.run(data, "stage", ("prepare",))
    made.champion(run, KEY)
    return made


def test_all_runs_are_replaced_and_nothing_is_lost(checkout: Checkout, legacy: Legacy) -> None:
    assert len(unsynced(open_store(checkout.root, SYNC))) == 3
    result = checkout.sync()
    assert len(result.migrated) == 3
    assert legacy.active() == {}
    assert checkout.runs(RUNS.name).keys() == {KEY}
    assert len(checkout.runs(PIPELINE.name)) == 2
    run = checkout.runs()[KEY]
    assert run.data.tags["favourite"] == "yes"
    assert "sample.count" not in run.data.tags
    assert run.data.metrics["loss/loss_d"] == 4.0
    assert run.data.metrics["eval/fd_judge"] == 12.5
    trashed = checkout.client().search_runs([legacy.experiment], run_view_type=2)
    assert len(trashed) == 3, "they can be restored"


def test_what_a_person_added_by_hand_survives(checkout: Checkout, legacy: Legacy, tmp_path: Path) -> None:
    """Tags, parameters, metrics with their history, images and other artifacts; a name of ours keeps our value."""
    (old,) = (run for run, shown in legacy.active().items() if shown.data.tags["ganpipe.key"] == KEY)
    client, notes = legacy.client, tmp_path / "notes.txt"
    notes.write_text("looks good")
    client.set_tag(old, "status", "publish")
    client.log_param(old, "reviewer", "me")
    client.log_param(old, "train.lr", "0.001")
    for step, value in ((1, 4.0), (2, 5.0), (3, float("nan"))):
        client.log_metric(old, "human/score", value, timestamp=STARTED + step, step=step)
    record = load(checkout.root, KEY)
    grid = record.path("sample", "grid.png")
    for path, folder in ((notes, None), (notes, "review/first"), (grid, "sample")):
        client.log_artifact(old, str(path), folder)
    upload_part(Store(checkout.root, "", client, legacy.experiment, ""), old, record, record.parts["train"])
    client.log_image(old, np.zeros((8, 8), dtype=np.uint8), key="mine", step=1)

    checkout.sync()
    run = checkout.runs()[KEY]
    assert run.data.tags.items() >= {"favourite": "yes", "status": "ok", "user.status": "publish"}.items()
    assert run.data.params.items() >= {"reviewer": "me", "train.lr": "0.001"}.items()
    history = client.get_metric_history(run.info.run_id, "human/score")
    assert [(point.timestamp - STARTED, point.step) for point in history] == [(1, 1), (2, 2), (3, 3)]
    assert [point.value for point in history[:2]] == [4.0, 5.0]
    assert not any(name.startswith("train/") for name in run.data.metrics)
    folder = checkout.root / "mlartifacts" / run.info.run_id / "artifacts"
    shown = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    added = {path: content for path, content in shown.items() if not is_recorded(path, record)}
    del added["provenance.json"]
    assert added.pop("notes.txt") == added.pop("review/first/notes.txt") == b"looks good"
    assert len(added) == 2 and all(path.startswith("images/mine+step+1") for path in added)

    before = checkout.shown()
    assert checkout.sync().shown == []
    assert checkout.shown() == before


def test_the_migrated_store_equals_a_new_one(checkout: Checkout, legacy: Legacy) -> None:
    checkout.sync()
    migrated = checkout.runs()
    checkout.wipe_store()
    checkout.sync()
    new = checkout.runs()
    assert migrated.keys() == new.keys()
    for key, run in new.items():
        assert migrated[key].data.metrics == run.data.metrics
        assert migrated[key].data.params == run.data.params
        ours = {name: text for name, text in migrated[key].data.tags.items() if name in run.data.tags}
        assert ours.keys() == run.data.tags.keys()


def test_a_second_sync_changes_nothing(checkout: Checkout, legacy: Legacy) -> None:
    checkout.sync()
    before = checkout.shown()
    result = checkout.sync()
    assert (result.shown, result.migrated) == ([], [])
    assert checkout.shown() == before


def test_the_champion_moves_to_the_new_run(checkout: Checkout, legacy: Legacy) -> None:
    checkout.sync()
    champion = checkout.client().get_model_version_by_alias(MODEL, CHAMPION)
    assert champion.run_id == checkout.runs()[KEY].info.run_id
    assert (champion.tags["run"], champion.tags["value"]) == ("e01-0", "12.5")
    assert champion.source.startswith("models:/") or (checkout.root / "mlartifacts").as_uri() in champion.source


def test_a_champion_that_was_chosen_by_hand_stays(checkout: Checkout, legacy: Legacy) -> None:
    version = legacy.client.create_model_version(MODEL, "file:///chosen", tags={"key": "another"})
    legacy.client.set_registered_model_alias(MODEL, CHAMPION, version.version)
    checkout.sync()
    champion = checkout.client().get_model_version_by_alias(MODEL, CHAMPION)
    assert champion.version == version.version
    assert checkout.runs()[GRID].data.tags["champion"] == "e01-0 is the first champion"


def test_runs_without_a_complete_record_stay_in_the_flat_list(checkout: Checkout, legacy: Legacy) -> None:
    empty = legacy.client.create_run(
        legacy.experiment, tags={"ganpipe.key": "other-grid", "ganpipe.kind": "grid"}
    ).info.run_id
    parent = {"mlflow.parentRunId": empty}
    colleague = legacy.run("key-of-a-colleague", "run", (), **parent)
    legacy.client.set_tag(colleague, "ganpipe.part.train", "0123")
    checkout.sync()
    (kept,) = legacy.active().values()
    assert kept.info.run_id == colleague
    assert "mlflow.parentRunId" not in kept.data.tags
    assert kept.data.metrics["train/loss_d"] == 4.0


def test_the_description_and_the_saved_view_of_the_experiment_are_updated_once(
    checkout: Checkout, legacy: Legacy
) -> None:
    checkout.sync()
    experiment = legacy.client.get_experiment(legacy.experiment)
    assert experiment.tags.items() >= RUNS.tags.items()
    assert experiment.tags[LAYOUT_TAG] == LAYOUT
    legacy.client.set_experiment_tag(legacy.experiment, "mlflow.note.content", "my own words")
    checkout.sync()
    assert legacy.client.get_experiment(legacy.experiment).tags["mlflow.note.content"] == "my own words"
