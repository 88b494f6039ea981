"""The architecture: import directions, module sizes, and imports that must stay light."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "src" / "ganpipe"

LAYERS = (
    "common",
    "source",
    "objectives",
    "nets",
    "sampling",
    "data",
    "metrics",
    "config",
    "methods",
    "plan",
    "training",
    "compare",
    "records",
    "report",
    "executors",
    "scheduling",
    "search",
    "serve",
    "tracking",
    "doctor",
    "stage",
    "cli",
    "__main__",
)
"""Packages and loose modules of `ganpipe` from the bottom to the top: each imports only from those above it in this
list, that is, from lower layers."""

RESTRICTED = {
    "source": {"common"},
    "objectives": {"common"},
    "nets": {"common"},
    "data": {"common", "source"},
    "sampling": {"common", "nets", "objectives"},
    "compare": {"common", "config"},
    "report": {"common", "config", "compare", "records"},
}
"""Packages whose imports are restricted further: package -> all packages that it may import."""

TRACKERS = {"tracking", "stage", "cli", "doctor"}
"""Packages that may import `tracking`, the only importer of mlflow besides the model that MLflow itself loads."""

LOOSE = {"config", "stage", "__main__", "__init__"}
SMALL = 25
"""Lines below which a module with a single user should be part of that user."""

PLUG_INS = {"nets", "methods", "sampling.samplers", "cli", "executors"}
"""Packages whose modules are loaded by name: one file each, however small."""

MODULES = {path.relative_to(PACKAGE.parent).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
FOLDERS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports() -> dict[str, set[str]]:
    return {".".join(name.parts): imported(ast.parse(path.read_text())) for name, path in MODULES.items()}


def layer_of(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_imports_point_downwards() -> None:
    assert set(LAYERS) == FOLDERS | LOOSE - {"__init__"}
    for module, names in imports().items():
        layer = layer_of(module)
        if layer in LAYERS:
            allowed = RESTRICTED.get(layer, set(LAYERS[: LAYERS.index(layer)])) | {layer}
            forbidden = ({layer_of(name) for name in names if name.startswith("ganpipe.")} & set(LAYERS)) - allowed
            assert not forbidden, f"{module} imports {forbidden}"


def test_only_entry_point_settings_and_stage_are_outside_the_packages() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == LOOSE


def test_no_small_module_has_a_single_user() -> None:
    users: dict[str, set[str]] = {}
    known = {".".join(name.parts) for name in MODULES}
    scripts = {f"stages.{path.stem}": path for path in (REPOSITORY / "stages").glob("*.py")}
    found = imports() | {name: imported(ast.parse(path.read_text())) for name, path in scripts.items()}
    for module, names in found.items():
        for name in names:
            users.setdefault(name if name in known else name.rpartition(".")[0], set()).add(module)
    for name, path in MODULES.items():
        module = ".".join(name.parts)
        package = module.removeprefix("ganpipe.").rpartition(".")[0]
        plug_in = package in PLUG_INS or path.stem.startswith("__")
        small = len(path.read_text().splitlines()) < SMALL
        assert plug_in or not small or len(users.get(module, ())) > 1, f"{module} should be part of {users.get(module)}"


def test_no_import_cycles() -> None:
    known = {".".join(name.parts) for name in MODULES}
    graph = {
        module: {name if name in known else name.rpartition(".")[0] for name in names if name.startswith("ganpipe.")}
        - {module}
        for module, names in imports().items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_only_tracking_and_serve_import_mlflow() -> None:
    for module, names in imports().items():
        if any(name.startswith("ganpipe.tracking") for name in names):
            assert layer_of(module) in TRACKERS, f"{module} imports tracking"
        if any(name.split(".")[0] == "mlflow" for name in names):
            assert layer_of(module) in {"tracking", "serve"}, f"{module} imports mlflow"


def test_nothing_imports_the_stages() -> None:
    for module, names in imports().items():
        assert not any(name.split(".")[0] == "stages" for name in names), module


@pytest.mark.parametrize(
    "module", ["__main__", "plan.build", "report.report", "records.outputs", "data.fetch", "data.prepare"]
)
def test_light_modules_import_no_heavy_library(module: str) -> None:
    assert heavy_libraries_after(f"import ganpipe.{module}") == ""


@pytest.mark.parametrize("stage", ["plan", "fetch", "prepare", "inputs", "protocol", "sample", "compare"])
def test_short_stages_import_no_heavy_library_before_they_run(stage: str) -> None:
    """MLflow's process must start at once, since these stages may finish before it is ready."""
    script = REPOSITORY / "stages" / f"{stage}.py"
    assert heavy_libraries_after(f"import runpy; runpy.run_path({str(script)!r}, run_name='imported')") == ""


def test_mirrors_are_found_without_importing_torchvision() -> None:
    assert heavy_libraries_after("from ganpipe.data.download import mirrors; assert mirrors('MNIST')") == ""


def heavy_libraries_after(code: str) -> str:
    program = f"import sys; {code}; print(*({{'torch', 'torchvision', 'mlflow'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_no_module_exceeds_300_lines() -> None:
    long = {str(name): count for name, path in MODULES.items() if (count := len(path.read_text().splitlines())) > 300}
    assert not long
