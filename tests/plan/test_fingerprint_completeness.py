"""A stage's fingerprint contains all code of the package that the stage executes to produce its outputs.

All stages of a small grid run on real MNIST images under a tracer. Every executed definition must be in the closure of
the stage's roots, or belong to a module that produces no outputs (`tests.plan.tracing.NOT_RESULTS`).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Set
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from ganpipe.config import Training
from ganpipe.metrics.modes import MODE_METRICS
from ganpipe.plan.fingerprints import GRID_ROOTS, dataset_roots, run_roots
from ganpipe.plan.metric_names import metric_names
from ganpipe.plan.resolve import expand_runs, parse_params, resolve_experiments
from ganpipe.source.fingerprint import Definition, closure
from ganpipe.source.index import Index
from tests.conftest import MNIST, REPOSITORY
from tests.plan.tracing import NOT_RESULTS, is_in
from tests.workspace import pin_small_mnist

INDEX = Index(REPOSITORY / "src" / "ganpipe")
EXPERIMENTS = ["e03-dcgan", "e09-mlp", "wgan-gp", "cgan28", "style28", "bigan", "vae", "diffusion", "digitwise-dcgan16"]
CHOOSING = ("fd_judge",)
"""Metrics by which a generator is chosen."""
NOT_EXECUTED = {
    "data.download.main",  # runs in a child process, and only if no local copy of the files is found
    "metrics.definitions.fid",  # needs the Inception weights
    "metrics.definitions.parameters",  # real images have no generator, so `reference` does not compute its cost
    "metrics.definitions.multiply_adds",
}
"""Roots that the traced stages do not execute."""


def shrink(params: dict[str, Any]) -> None:
    """Restrict the project's settings to a grid that runs in seconds."""
    chosen = {name: params["experiments"][name] for name in EXPERIMENTS}
    for settings in chosen.values():
        for part in ("generator", "discriminator", "encoder"):
            if "width" in settings.get(part, {}):
                settings[part]["width"] = 4
    chosen["diffusion"]["sampling_steps"] = 2
    chosen["e03-dcgan"]["keep"] = "best"
    params["experiments"] = chosen
    params["train"] |= {"generator": {"width": 4}, "discriminator": {"width": 4}, "augment": ["color", "translation"]}
    params["grid"] = {"datasets": ["mnist", "mnist16"], "experiments": EXPERIMENTS, "seeds": [0]}
    params["budget"] = {"epochs": 1, "images": None}
    params["sample"] = {"count": 300}  # enough for every metric
    metrics = [name for name in metric_names() if name not in MODE_METRICS]
    params["evaluate"] |= {"metrics": metrics, "real": 100, "pairs": 50, "queries": 20, "neighbours": 3}
    params["evaluate"] |= {"selection": 150, "curve": {"metrics": list(CHOOSING), "samples": 200}}
    for dataset in ("mnist", "mnist16", "stacked-mnist"):
        params["datasets"][dataset]["judge"] = {"epochs": 4, "batch_size": 32, "width": 4, "depth": 0}


def stack(params: dict[str, Any]) -> None:
    """Replace the grid by one with stacked images, which need stages and metrics of their own."""
    params["experiments"] = {"e09-mlp": params["experiments"]["e09-mlp"] | {"dataset": "stacked-mnist"}}
    params["grid"] = {"datasets": ["stacked-mnist"], "experiments": ["e09-mlp"], "seeds": [0]}
    judge = {"epochs": 8, "batch_size": 20, "width": 8, "depth": 0}
    params["datasets"]["stacked-mnist"] |= {"labels": [0, 1], "judge": judge}
    params["evaluate"] |= {"metrics": ["fd_judge", *MODE_METRICS], "selection": 0}


@pytest.fixture(scope="module", params=["images", "stacked"])
def params(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    shrink(content)
    if request.param == "stacked":
        stack(content)
    return content


@pytest.fixture(scope="module")
def traced(params: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Definition]]:
    """The definitions that each stage executed, by `stage@run` or `stage@dataset`."""
    workspace = tmp_path_factory.mktemp("traced")
    shutil.copytree(REPOSITORY / "data", workspace / "data")
    pin_small_mnist(workspace / "data")
    (workspace / "params.yaml").write_text(yaml.safe_dump(params))
    subprocess.run(["git", "init", "--quiet"], cwd=workspace, check=True)  # or every stage warns
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "MLFLOW_", "GANPIPE_"))}
    environment = inherited | {"GANPIPE_DATA": str(MNIST.parent), "PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-m", "tests.plan.tracing", str(workspace), str(workspace / "traced.json")]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((workspace / "traced.json").read_text())
    return {name: {(module, definition) for module, definition in executed} for name, executed in found.items()}


@pytest.fixture(scope="module")
def trainings(params: dict[str, Any]) -> dict[str, Training]:
    """The planned trainings by run."""
    settings, _ = parse_params(params)
    assert settings is not None
    experiments, _ = resolve_experiments(params["train"], params["experiments"], INDEX)
    return {f"{name}-0": expand_runs(settings, experiments[name])[0] for name in params["grid"]["experiments"]}


@pytest.fixture(scope="module")
def roots(params: dict[str, Any], trainings: dict[str, Training], traced: Mapping[str, object]) -> dict[str, list[str]]:
    """The roots of each stage, by `stage@run` or `stage@dataset`."""
    found = {}
    metrics = tuple(params["evaluate"]["metrics"])
    for key in traced:
        stage, _, name = key.partition("@")
        if name in trainings:
            training = trainings[name]
            found[key] = run_roots(INDEX, training, metrics, CHOOSING if training.keep == "best" else ())[stage]
        else:
            stacked = name == "stacked-mnist"
            found[key] = dataset_roots(metrics, stacked)[stage] if name else GRID_ROOTS[stage]
    return found


def outside(executed: Set[Definition], roots: list[str], index: Index = INDEX) -> set[Definition]:
    """The executed definitions that neither the roots reach nor NOT_RESULTS covers."""
    return {found for found in executed - closure(index, roots).keys() if not is_in(found[0], NOT_RESULTS)}


def test_fingerprint_contains_all_executed_code(
    traced: dict[str, set[Definition]], roots: dict[str, list[str]]
) -> None:
    missing = {
        f"{stage}: {module}.{name}"
        for stage, executed in traced.items()
        for module, name in outside(executed, roots[stage])
    }
    assert not missing, "\n".join(sorted(missing))


def test_removed_root_is_detected(traced: dict[str, set[Definition]], roots: dict[str, list[str]]) -> None:
    """Without any one root, the check above fails, unless the other roots reach it or no stage executed it."""
    undetected = {(stage.partition("@")[0], root) for stage, names in roots.items() for root in names}
    for stage, names in roots.items():
        kind = stage.partition("@")[0]
        for root in names:
            others = [name for name in names if name != root]
            if (kind, root) in undetected and (
                definition_of(root) in closure(INDEX, others) or outside(traced[stage], others)
            ):
                undetected.discard((kind, root))
    executed = {(stage.partition("@")[0], definition) for stage, found in traced.items() for definition in found}
    assert {root for kind, root in undetected if (kind, definition_of(root)) in executed} == set()
    assert {root for _, root in undetected} <= NOT_EXECUTED


def definition_of(root: str) -> Definition:
    module, _, name = root.rpartition(".")
    return f"ganpipe.{module}", name


def test_protocol_code_contains_what_measures_and_no_generator(
    params: dict[str, Any], traced: dict[str, set[Definition]], trainings: dict[str, Training]
) -> None:
    """The fingerprint `metrics` is part of every protocol: runs with different networks must share it."""
    metrics = tuple(params["evaluate"]["metrics"])
    roots = {tuple(run_roots(INDEX, training, metrics)["metrics"]) for training in trainings.values()}
    (shared,) = roots
    reached = closure(INDEX, shared).keys()
    assert not any(is_in(module, ["ganpipe.methods", "ganpipe.sampling.samplers"]) for module, _ in reached)
    for run in trainings:
        executed = {
            found for found in traced[f"evaluate@{run}"] if is_in(found[0], ["ganpipe.metrics", "ganpipe.data"])
        }
        assert {module for module, _ in executed - reached if not is_in(module, NOT_RESULTS)} == {
            "ganpipe.metrics.scores",
            "ganpipe.metrics.curve",  # ranks nothing
        }


def test_function_called_through_importlib_is_detected(tmp_path: Path) -> None:
    package = tmp_path / "traced_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "hidden.py").write_text("def secret():\n    return helper()\n\ndef helper():\n    return 1\n")
    (package / "start.py").write_text(
        dedent("""
            from importlib import import_module

            def run():
                return import_module("traced_package.hidden").secret()
        """)
    )
    program = dedent(f"""
        import json, sys
        from pathlib import Path
        from tests.plan.tracing import Tracer
        sys.path.insert(0, {str(tmp_path)!r})
        from traced_package.start import run
        with Tracer(Path({str(package)!r})).recording() as executed:
            run()
        print(json.dumps(sorted(executed)))
    """)
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    executed = {(module, name) for module, name in json.loads(done.stdout)}
    hidden = {("traced_package.hidden", "secret"), ("traced_package.hidden", "helper")}
    assert executed == {("traced_package.start", "run"), *hidden}
    assert outside(executed, ["start.run"], Index(package)) == hidden
    assert not outside(executed, ["start.run", "hidden.secret"], Index(package))
