"""A longer training continues from the end of a shorter one and reaches the bits of a training at once."""

import ast
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.plan.introspection import depends_on_epochs, method_names
from ganpipe.source.index import Index
from ganpipe.training import continuation, workdir
from ganpipe.training.continuation import lineage, restore_end_state, save_end_state
from ganpipe.training.loop import train
from tests.conftest import REPOSITORY
from tests.methods.families import FAMILIES, training
from tests.training.runs import CPU, NEVER, RecordingCallback, contents, folder, settings

INDEX = Index(REPOSITORY / "src" / "ganpipe")


def stage(run: Any, dataset: Dataset, work: Path, ends: Path, name: str = "same") -> RecordingCallback:
    """Train as the stage does, in a new working folder."""
    callback = RecordingCallback()
    restore_end_state(folder(work), ends, name, run.epochs)
    train(run, dataset, work, callback, CPU, NEVER)
    save_end_state(work, ends, name, run.epochs)
    return callback


UNSCHEDULED = [family for family in FAMILIES if not training(family).depends_on_length]


@pytest.mark.parametrize("family", UNSCHEDULED)
def test_two_epochs_and_then_four_equal_four_at_once(family: str, mnist: Dataset, tmp_path: Path) -> None:
    at_once = stage(training(family, epochs=4, panel_every=3), mnist, tmp_path / "at-once", tmp_path / "other")
    stage(training(family, epochs=2, panel_every=3), mnist, tmp_path / "short", tmp_path / "ends")
    workdir.remove(tmp_path / "short")  # as after sampling
    longer = stage(training(family, epochs=4, panel_every=3), mnist, tmp_path / "long", tmp_path / "ends")
    assert longer.starts[0][0] == at_once.starts[0][1] // 2 and longer.steps == at_once.steps // 2
    assert contents(tmp_path / "long" / "result") == contents(tmp_path / "at-once" / "result")
    assert list(longer.history) == list(at_once.history) and list(longer.epochs) == list(at_once.epochs)


def test_every_length_continues_from_the_one_before(mnist: Dataset, tmp_path: Path) -> None:
    for epochs in (1, 2, 4):
        callback = stage(settings(epochs=epochs), mnist, tmp_path / str(epochs), tmp_path / "ends")
        assert callback.starts == [(epochs // 2 * 300, epochs * 300)]
    stage(settings(epochs=4), mnist, tmp_path / "at-once", tmp_path / "other")
    assert contents(tmp_path / "4" / "result") == contents(tmp_path / "at-once" / "result")


def test_training_that_stopped_early_is_not_continued(mnist: Dataset, tmp_path: Path) -> None:
    for epochs in (2, 4):
        run = settings(epochs=epochs, lr=1e-12, stop_early=True)
        callback = stage(run, mnist, tmp_path / str(epochs), tmp_path / "ends")
    assert callback.starts == [(300, 1200)] and callback.steps == 0
    stage(run, mnist, tmp_path / "at-once", tmp_path / "other")
    assert contents(tmp_path / "4" / "result") == contents(tmp_path / "at-once" / "result")


def test_diverged_training_diverges_again(mnist: Dataset, tmp_path: Path) -> None:
    for epochs in (2, 4):
        stage(settings(epochs=epochs, lr=100.0), mnist, tmp_path / str(epochs), tmp_path / "ends")
    stage(settings(epochs=4, lr=100.0), mnist, tmp_path / "at-once", tmp_path / "other")
    assert contents(tmp_path / "4" / "result") == contents(tmp_path / "at-once" / "result")


@pytest.fixture
def ends(mnist: Dataset, tmp_path: Path) -> Path:
    """The end of a training of two epochs of lineage "same"."""
    stage(settings(), mnist, tmp_path / "short", tmp_path / "ends")
    return tmp_path / "ends"


def test_end_state_is_used_only_by_longer_trainings_of_its_lineage(ends: Path, tmp_path: Path) -> None:
    for name, epochs, used in (("same", 3, True), ("same", 2, True), ("same", 1, False), ("other", 3, False)):
        work = folder(tmp_path / f"{name}-{epochs}")
        restore_end_state(work, ends, name, epochs)
        assert (work / "checkpoint.pt").exists() is used is bool(contents(work))


def test_interrupted_training_keeps_its_own_checkpoint(ends: Path, mnist: Dataset, tmp_path: Path) -> None:
    work = folder(tmp_path / "work")
    with pytest.raises(KeyboardInterrupt):
        train(settings(epochs=3), mnist, work, RecordingCallback(interrupt_at=8), CPU, 0.0)
    before = contents(work)
    restore_end_state(work, ends, "same", 3)
    assert contents(work) == before


@pytest.mark.parametrize("damage", ["checkpoint", "table", "description", "missing"])
def test_damaged_end_state_is_ignored(damage: str, ends: Path, tmp_path: Path) -> None:
    state = ends / "state"
    if damage == "missing":
        shutil.rmtree(state)
    else:
        names = {"checkpoint": "checkpoint.pt", "table": "tables/history-00000.bin", "description": "end.json"}
        path = state / names[damage]
        path.write_bytes(path.read_bytes()[:-1])
    work = folder(tmp_path / "work")
    restore_end_state(work, ends, "same", 3)
    assert contents(work) == {}


def test_end_state_in_use_by_another_process_is_left_alone(ends: Path, mnist: Dataset, tmp_path: Path) -> None:
    before = contents(ends / "state")
    with workdir.locked(ends):
        stage(settings(epochs=3), mnist, tmp_path / "long", ends)
    assert contents(ends / "state") == before
    stage(settings(epochs=3), mnist, tmp_path / "again", ends)
    assert contents(tmp_path / "long" / "result") == contents(tmp_path / "again" / "result")


@pytest.mark.parametrize("copies", [1, 3, 4])
def test_killed_copy_is_repeated(copies: int, ends: Path, mnist: Dataset, tmp_path: Path) -> None:
    """The state has a checkpoint, two tables and two images: none of these kills leaves the checkpoint."""

    class Killed(BaseException):
        pass

    copied, copy = 0, continuation._copy

    def kill(source: Path, destination: Path) -> None:
        nonlocal copied
        copy(source, destination)
        copied += 1
        if copied == copies:
            raise Killed

    work = folder(tmp_path / "work")
    with mock.patch.object(continuation, "_copy", kill), pytest.raises(Killed):
        restore_end_state(work, ends, "same", 3)
    assert len(contents(work)) == copies and not (work / "checkpoint.pt").exists()
    restore_end_state(work, ends, "same", 3)
    callback = RecordingCallback()
    train(settings(epochs=3), mnist, work, callback, CPU, NEVER)
    assert callback.starts == [(600, 900)]


def test_killed_save_keeps_the_state_before(ends: Path, mnist: Dataset, tmp_path: Path) -> None:
    before = contents(ends / "state")
    with (
        mock.patch.object(continuation, "file_digest", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        save_end_state(tmp_path / "short", ends, "same", 2)
    assert contents(ends / "state") == before


def test_pretrained_generator_has_no_end_state(tmp_path: Path) -> None:
    save_end_state(folder(tmp_path / "work"), tmp_path / "ends", "same", 2)
    assert not (tmp_path / "ends").exists()


PLAN: dict[str, Any] = {
    "run": "e03-dcgan-0",
    "train": {"dataset": "mnist", "batch_size": 50, "seed": 0, "threads": 1, "method": "gan", "epochs": 2, "lr": 1e-3},
    "compute": {"device": "auto"},
    "code": {"train": "0123456789abcdef"},
    "packages": {"torch": "2.9.1"},
}


def test_lineage_is_the_identity_without_the_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    original = lineage(PLAN, "data")
    longer = PLAN | {"train": PLAN["train"] | {"epochs": 4}}
    assert lineage(longer, "data") == original
    others = [
        PLAN | {"run": "e03-dcgan-1"},
        PLAN | {"train": PLAN["train"] | {"lr": 2e-3}},
        PLAN | {"compute": {"device": "cuda"}},
        PLAN | {"code": {"train": "0"}},
        PLAN | {"packages": {"torch": "2.9.0"}},
    ]
    assert len({original, lineage(PLAN, "other data"), *(lineage(other, "data") for other in others)}) == 7
    monkeypatch.setattr(continuation, "depends_on_epochs", lambda *_: True)
    assert lineage(longer, "data") != lineage(PLAN, "data")


def with_settings(**changes: Any) -> dict[str, Any]:
    return PLAN | {"train": PLAN["train"] | changes}


FALLING = {"start": 1e-3, "end": 0}


@pytest.mark.parametrize(
    "scheduled",
    [
        {"lr": FALLING},
        {"lr_discriminator": FALLING},
        {"betas": [0, {"start": 0.9, "end": 0.99}]},
        {"penalty_weight": FALLING},
        {"augment_probability": FALLING},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_lineage_of_a_schedule_contains_the_epochs(scheduled: dict[str, Any]) -> None:
    assert lineage(with_settings(**scheduled), "data") != lineage(with_settings(**scheduled, epochs=4), "data")


@pytest.mark.parametrize(
    "constant",
    [{"lr": {"start": 1e-3, "warmup": 9}}, {"augment_probability": {"target": 0.6}}],
    ids=lambda settings: next(iter(settings)),
)
def test_lineage_of_a_warmup_or_a_controller_does_not(constant: dict[str, Any]) -> None:
    assert lineage(with_settings(**constant), "data") == lineage(with_settings(**constant, epochs=4), "data")


@pytest.mark.parametrize(("lr", "continues"), [(FALLING, False), ({"start": 1e-3, "warmup": 9}, True)])
def test_only_a_training_without_an_end_of_its_schedule_is_continued(
    lr: Any, continues: bool, mnist: Dataset, tmp_path: Path
) -> None:
    """Continued or not, the longer training reaches the bits of a training at once."""
    for epochs in (2, 4):
        run = settings(lr=lr, epochs=epochs)
        name = lineage(with_settings(lr=lr, epochs=epochs), "data")
        callback = stage(run, mnist, tmp_path / str(epochs), tmp_path / "ends", name)
    assert callback.starts == [(600 if continues else 0, 1200)]
    stage(run, mnist, tmp_path / "at-once", tmp_path / "other")
    assert contents(tmp_path / "4" / "result") == contents(tmp_path / "at-once" / "result")


def test_method_that_reads_the_number_of_epochs_is_recognised(tmp_path: Path) -> None:
    """A schedule would make the first epochs of a longer training differ."""
    for name in method_names(INDEX):
        assert not depends_on_epochs(INDEX, name), name
    package = tmp_path / "ganpipe"
    (package / "methods").mkdir(parents=True)
    for path, text in {
        "__init__.py": "",
        "methods/__init__.py": "",
        "methods/scheduled.py": "from ganpipe.schedules import rate\ndef build(training):\n    return rate(training)\n",
        "methods/constant.py": "def build(training):\n    return training.lr\n",
        "schedules.py": "def rate(training):\n    return training.lr / training.epochs\n",
    }.items():
        (package / path).write_text(text)
    assert depends_on_epochs(Index(package), "scheduled") and not depends_on_epochs(Index(package), "constant")


def test_loop_reads_the_number_of_epochs_only_to_end() -> None:
    """Everything else that depended on it would have to be excluded from continuation."""
    uses = []
    for path in sorted((REPOSITORY / "src" / "ganpipe" / "training").glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                uses += [(path.stem, function.name) for node in ast.walk(function) if is_epochs(node)]
    # The range of the loop, the total that is reported, and the total for schedules, which are excluded (`lineage`).
    assert sorted(uses) == [("loop", "_train_steps"), ("loop", "train_epochs"), ("loop", "train_epochs")]


def is_epochs(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "training.epochs"
