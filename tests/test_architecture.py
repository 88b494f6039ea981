"""The directions of imports: what the house rests on."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "src" / "ganpipe"

FORBIDDEN = {
    "codebase": {"*"},
    "nets": {"*"},
    "objectives": {"*"},
    "samplers": {"*", "-nets", "-objectives"},
    "methods": {"training", "metrics", "compare", "tracking", "records", "planning", "scheduling", "serve", "stage"},
    "metrics": {"training", "methods", "objectives", "compare", "tracking", "records", "planning", "serve", "stage"},
    "training": {"compare", "tracking", "records", "planning", "scheduling", "serve", "stage", "executors"},
    "executors": {"compare", "tracking", "planning", "scheduling", "serve", "stage"},
    "data": {"nets", "methods", "training", "metrics", "compare", "tracking", "records", "planning", "stage"},
    "compare": {"nets", "methods", "training", "metrics", "tracking", "planning", "stage"},
    "records": {"nets", "methods", "training", "metrics", "tracking", "planning", "stage"},
    "planning": {"nets", "methods", "training", "tracking", "records", "stage"},
    "scheduling": {"nets", "methods", "training", "metrics", "tracking", "records", "planning", "stage"},
}
"""Room -> rooms that it may not import; `*` for every folder but itself, `-room` for an exception."""

TRACKERS = {"tracking", "stage", "ui", "commands", "doctor", "serve"}
"""Who may import `tracking`, which alone imports mlflow (but for the model that MLflow itself loads)."""

MODULES = {path.relative_to(PACKAGE.parent).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
FOLDERS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports() -> dict[str, set[str]]:
    return {".".join(name.parts): imported(ast.parse(path.read_text())) for name, path in MODULES.items()}


def room(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_arrows_run_one_way() -> None:
    for module, names in imports().items():
        forbidden = FORBIDDEN.get(room(module), set())
        if "*" in forbidden:
            kept = {rule.removeprefix("-") for rule in forbidden} | {room(module)}
            forbidden = FOLDERS - kept
        taken = {room(name) for name in names if name.startswith("ganpipe.")} & forbidden
        assert not taken, f"{module} imports {taken}"


def test_no_circles() -> None:
    known = {".".join(name.parts) for name in MODULES}
    graph = {
        module: {name if name in known else name.rpartition(".")[0] for name in names if name.startswith("ganpipe.")}
        - {module}
        for module, names in imports().items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_tracking_has_one_door() -> None:
    for module, names in imports().items():
        if any(name.startswith("ganpipe.tracking") for name in names):
            assert room(module) in TRACKERS, f"{module} imports tracking"
        if any(name.split(".")[0] == "mlflow" for name in names):
            assert room(module) in {"tracking", "serve"}, f"{module} imports mlflow"


def test_nothing_imports_the_stages() -> None:
    for module, names in imports().items():
        assert not any(name.split(".")[0] == "stages" for name in names), module


@pytest.mark.parametrize(
    "module", ["__main__", "planning.plan", "compare.report", "records.outputs", "data.fetch", "data.prepare"]
)
def test_light_work_loads_no_heavy_library(module: str) -> None:
    assert heavy_libraries_after(f"import ganpipe.{module}") == ""


@pytest.mark.parametrize("stage", ["plan", "fetch", "prepare", "inputs", "protocol", "sample", "compare"])
def test_short_stages_begin_before_a_heavy_library_is_loaded(stage: str) -> None:
    """MLflow's process is to begin at once: these stages may end before it is there."""
    script = REPOSITORY / "stages" / f"{stage}.py"
    assert heavy_libraries_after(f"import runpy; runpy.run_path({str(script)!r}, run_name='imported')") == ""


def test_mirrors_are_known_without_torchvision() -> None:
    assert heavy_libraries_after("from ganpipe.data.download import mirrors; assert mirrors('MNIST')") == ""


def heavy_libraries_after(work: str) -> str:
    code = f"import sys; {work}; print(*({{'torch', 'torchvision', 'mlflow'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_files_can_be_read_in_one_sitting() -> None:
    long = {str(name): count for name, path in MODULES.items() if (count := len(path.read_text().splitlines())) > 300}
    assert not long
