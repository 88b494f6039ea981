"""The whole chain with DVC and MLflow on a tiny real data set, as a user runs it."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.workspace import Workspace

pytestmark = pytest.mark.chain

DATA = {"fetch@mnist", "prepare@mnist", "judge@mnist", "reference@mnist", "inputs", "protocol"}
LSGAN, MLP = "e01-lsgan-0", "e09-mlp-0"


@pytest.fixture(autouse=True)
def tidy(workspace: Workspace) -> Iterator[None]:
    """Leave settings and sources as they were committed."""
    yield
    workspace.run("git", "checkout", "src", "params.yaml")


def stages_of(*runs: str) -> set[str]:
    return {f"{stage}@{run}" for stage in ("train", "sample", "evaluate") for run in runs}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The chain after its first run: two experiments, one tiny epoch."""
    made = Workspace(tmp_path_factory.mktemp("project"))
    made.params(
        grid__experiments=["e01-lsgan", "e09-mlp"],
        budget={"epochs": 1, "images": 300},
        train__generator={"width": 4},
        train__discriminator={"width": 4},
        train__batch_size=64,
        sample__count=150,
        datasets__mnist__judge={"epochs": 1},
    )
    made.commit()
    assert made.repro() == {"plan", "compare"} | DATA | stages_of(LSGAN, MLP)
    return made


def test_everything_is_there(workspace: Workspace) -> None:
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


def test_mlflow_has_every_stage_once(workspace: Workspace) -> None:
    runs = runs_in_mlflow(workspace)
    assert sorted(name for name in runs if not name.startswith("grid")) == sorted(
        [LSGAN, MLP, "fetch@mnist", "prepare@mnist", "judge@mnist", "reference@mnist"]
    )
    assert all(status == "FINISHED" for status in runs.values())


def test_again_does_nothing(workspace: Workspace) -> None:
    before = runs_in_mlflow(workspace)
    assert workspace.repro() == set()
    assert runs_in_mlflow(workspace) == before


def test_the_summary_names_the_report(workspace: Workspace) -> None:
    told = workspace.run("python", "-m", "ganpipe", "compare").stdout
    assert "report.html" in told and "e01-lsgan" in told


def test_words_in_the_source_rerun_only_the_plan(workspace: Workspace) -> None:
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


def test_a_changed_loss_retrains_its_runs_only(workspace: Workspace) -> None:
    workspace.edit("src/ganpipe/objectives/losses.py", ".square().mean()", ".square().mean() * 1")
    assert trained(workspace.would_run()) == {LSGAN}


def test_a_new_network_retrains_nothing(workspace: Workspace) -> None:
    path = workspace.folder / "src" / "ganpipe" / "nets" / "novel.py"
    path.write_text((workspace.folder / "src" / "ganpipe" / "nets" / "mlp.py").read_text())
    assert workspace.would_run() == {"plan"}
    path.unlink()


def test_sampling_differently_retrains_nothing(workspace: Workspace) -> None:
    workspace.params(sample__count=160)
    would = workspace.would_run()
    assert trained(would) == set() and f"sample@{LSGAN}" in would


def test_a_shared_setting_retrains_those_that_do_not_set_it(workspace: Workspace) -> None:
    workspace.params(train__batch_size=50)
    assert trained(workspace.would_run()) == {MLP}  # e01-lsgan sets its own


def test_mistakes_are_told_at_once_and_nothing_runs(workspace: Workspace) -> None:
    workspace.params(train__lrr=1, budget__epochs=0, grid__seeds=[-1], sample__cuont=3, select__metric="fd")
    done = workspace.run("dvc", "repro", check=False)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    for key in ("train.lrr", "budget.epochs", "grid.seeds[0]", "sample.cuont", "select.metric"):
        assert f"- {key}" in told, told
    assert "Traceback" not in told and "Running stage 'train" not in told


def test_failure_is_a_result_and_a_removed_experiment_leaves_the_report(workspace: Workspace) -> None:
    workspace.params(train__lr=1000.0, grid__experiments=["e01-lsgan"])
    ran = workspace.repro()
    assert ran == {"plan", "inputs", "protocol", "compare"} | stages_of(LSGAN)
    score = json.loads((workspace.folder / "out" / "scores" / f"{LSGAN}.json").read_text())
    assert score["status"] == "diverged" and score["metrics"] == {}
    page = (workspace.folder / "out" / "report" / "report.html").read_text()
    assert "diverged" in page and "e09-mlp" not in page


def test_sync_restores_mlflow_from_the_records(workspace: Workspace) -> None:
    before = everything_in_mlflow(workspace)
    (workspace.folder / "mlflow.db").unlink()
    workspace.run("python", "-m", "ganpipe", "sync")
    assert everything_in_mlflow(workspace) == before
    workspace.run("python", "-m", "ganpipe", "sync")
    assert everything_in_mlflow(workspace) == before


def trained(stages: set[str]) -> set[str]:
    return {stage.removeprefix("train@") for stage in stages if stage.startswith("train@")}


def database(workspace: Workspace) -> Path:
    return workspace.folder / "mlflow.db"


def runs_in_mlflow(workspace: Workspace) -> dict[str, str]:
    with sqlite3.connect(database(workspace)) as connection:
        return dict(connection.execute("SELECT name, status FROM runs WHERE lifecycle_stage = 'active'"))


def everything_in_mlflow(workspace: Workspace) -> set[tuple[object, ...]]:
    """Runs, parameters, every point of every metric, and the champion, without the ids that MLflow draws anew."""
    queries = (
        "SELECT 'run', name, status FROM runs WHERE lifecycle_stage = 'active'",
        "SELECT 'param', name, key, value FROM params JOIN runs USING (run_uuid) WHERE lifecycle_stage = 'active'",
        "SELECT 'metric', name, key, value, step, timestamp FROM metrics JOIN runs USING (run_uuid) "
        "WHERE lifecycle_stage = 'active'",
        "SELECT 'alias', name, alias FROM registered_model_aliases",
    )
    with sqlite3.connect(database(workspace)) as connection:
        return {row for query in queries for row in connection.execute(query)}
