"""The whole chain with DVC and MLflow on a tiny real dataset, as a user runs it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.finished_chain import RUNS
from tests.workspace import Workspace

pytestmark = pytest.mark.chain

LSGAN, MLP = RUNS


@pytest.fixture(autouse=True)
def restore_workspace(workspace: Workspace) -> Iterator[None]:
    """Restore the committed settings and sources after each test."""
    yield
    workspace.run("git", "checkout", "src", "params.yaml")


def stages_of(*runs: str) -> set[str]:
    return {f"{stage}@{run}" for stage in ("train", "sample", "evaluate") for run in runs}


@pytest.fixture(scope="module")
def workspace(finished_chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the chain after its first run, with MLflow's store rebuilt from the records."""
    copy = Workspace(tmp_path_factory.mktemp("project"), template=finished_chain)
    copy.run("ganpipe", "sync")
    return copy


def test_first_run_writes_all_outputs(workspace: Workspace) -> None:
    out = workspace.folder / "out"
    for name in ("generator.safetensors", "model.json", "history.csv", "epochs.csv", "progress/epoch-0001.png"):
        assert (out / "models" / LSGAN / name).stat().st_size > 0
    for name in ("images.npy", "grid.png"):
        assert (out / "samples" / LSGAN / name).stat().st_size > 0
    score = json.loads((out / "scores" / f"{LSGAN}.json").read_text())
    assert set(score["metrics"]) | set(score["absent"]) == set(
        yaml.safe_load((workspace.folder / "params.yaml").read_text())["evaluate"]["metrics"]
    )
    for metric in score["metrics"].values():
        assert metric["protocol"] in score["protocols"]
    ranking = json.loads((out / "report" / "ranking.json").read_text())
    assert len(ranking["boards"]) == 1
    page = (out / "report" / "report.html").read_text()
    assert "e01-lsgan" in page and "e09-mlp" in page


def test_mlflow_has_every_run_and_data_stage_once(finished_chain: Path) -> None:
    runs = runs_in_mlflow(finished_chain)
    assert sorted(name for name in runs if not name.startswith("grid")) == sorted(
        [LSGAN, MLP, "fetch@mnist", "prepare@mnist", "judge@mnist", "reference@mnist"]
    )
    assert all(status == "FINISHED" for status in runs.values())


def test_sync_rebuilds_mlflow_from_the_records(workspace: Workspace, finished_chain: Path) -> None:
    assert everything_in_mlflow(workspace.folder) == everything_in_mlflow(finished_chain)
    workspace.run("ganpipe", "sync")
    assert everything_in_mlflow(workspace.folder) == everything_in_mlflow(finished_chain)


def test_second_repro_runs_nothing(workspace: Workspace) -> None:
    before = runs_in_mlflow(workspace.folder)
    assert workspace.repro() == set()
    assert runs_in_mlflow(workspace.folder) == before


def test_compare_prints_the_path_of_the_report(workspace: Workspace) -> None:
    text = workspace.run("ganpipe", "compare").stdout
    assert "report.html" in text and "e01-lsgan" in text


def test_comments_rerun_only_the_plan(workspace: Workspace) -> None:
    changed = [
        "training/loop.py", "methods/gan.py", "objectives/losses.py", "nets/dcgan.py", "nets/mlp.py",
        "sampling/generator.py", "metrics/extractors/judge.py", "metrics/evaluate.py", "data/prepare.py",
        "data/fetch.py", "report/report.py",
    ]  # fmt: skip
    for name in changed:
        path = workspace.folder / "src" / "ganpipe" / name
        first, rest = path.read_text().split("\n", 1)
        path.write_text(f"{first}\n# a comment\n{rest}")
    assert workspace.would_run() == {"plan"}


def test_changed_loss_retrains_only_its_runs(workspace: Workspace) -> None:
    workspace.edit("src/ganpipe/objectives/losses.py", ".square().mean()", ".square().mean() * 1")
    assert trained(workspace.would_run()) == {LSGAN}


def test_new_network_retrains_nothing(workspace: Workspace) -> None:
    path = workspace.folder / "src" / "ganpipe" / "nets" / "novel.py"
    path.write_text((workspace.folder / "src" / "ganpipe" / "nets" / "mlp.py").read_text())
    assert workspace.would_run() == {"plan"}
    path.unlink()


def test_changed_sample_settings_retrain_nothing(workspace: Workspace) -> None:
    workspace.params(sample__count=160)
    would = workspace.would_run()
    assert trained(would) == set() and f"sample@{LSGAN}" in would


def test_shared_setting_retrains_experiments_that_do_not_override_it(workspace: Workspace) -> None:
    workspace.params(train__batch_size=50)
    assert trained(workspace.would_run()) == {MLP}  # e01-lsgan sets its own


def test_problems_are_reported_together_and_nothing_runs(workspace: Workspace) -> None:
    workspace.params(train__lrr=1, budget__epochs=0, grid__seeds=[-1], sample__cuont=3, select__metric="fd")
    done = workspace.run("dvc", "repro", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    for key in ("train.lrr", "budget.epochs", "grid.seeds[0]", "sample.cuont", "select.metric"):
        assert f"- {key}" in output, output
    assert "Traceback" not in output and "Running stage 'train" not in output


def test_diverged_training_is_a_result_and_removed_experiment_leaves_the_report(workspace: Workspace) -> None:
    workspace.params(train__lr=1000.0, grid__experiments=["e01-lsgan"])
    ran = workspace.repro()
    assert ran == {"plan", "inputs", "protocol", "compare"} | stages_of(LSGAN)
    score = json.loads((workspace.folder / "out" / "scores" / f"{LSGAN}.json").read_text())
    assert score["status"] == "diverged" and score["metrics"] == {}
    page = (workspace.folder / "out" / "report" / "report.html").read_text()
    assert "diverged" in page and "e09-mlp" not in page


def trained(stages: set[str]) -> set[str]:
    return {stage.removeprefix("train@") for stage in stages if stage.startswith("train@")}


def runs_in_mlflow(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return dict(connection.execute("SELECT name, status FROM runs WHERE lifecycle_stage = 'active'"))


def everything_in_mlflow(folder: Path) -> set[tuple[object, ...]]:
    """Runs, parameters, every point of every metric, and the champion; without the random ids of MLflow."""
    queries = (
        "SELECT 'run', name, status FROM runs WHERE lifecycle_stage = 'active'",
        "SELECT 'param', name, key, value FROM params JOIN runs USING (run_uuid) WHERE lifecycle_stage = 'active'",
        "SELECT 'metric', name, key, value, step, timestamp FROM metrics JOIN runs USING (run_uuid) "
        "WHERE lifecycle_stage = 'active' AND key NOT LIKE 'system/%'",
        "SELECT 'alias', name, alias FROM registered_model_aliases",
    )
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return {row for query in queries for row in connection.execute(query)}
