"""Overhead of the pipeline: imports of the stages, no-op runs, and the gain of running several stages at once.

    python benchmarks/pipeline.py [--runs 10 30 100]

Works on copies in a temporary folder, with stages that write a few bytes. Trust the ratios: seconds depend on the
machine and its load.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
COPIED = ("dvc.yaml", "params.yaml", ".dvcignore", "requirements.lock", "data.dvc", "data", "src", "stages")
REPETITIONS = 3
HEAVY = ("torch", "torchvision", "mlflow", "matplotlib", "pandas", "skimage", "scipy", "numpy", "pydantic", "PIL")
BUSY_STAGES, BUSY_SECONDS = 6, 5.0

IMPORTED = f"""
import json, runpy, sys, time
start = time.perf_counter()
runpy.run_path(sys.argv[1], run_name="imported")
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {HEAVY!r} if name in sys.modules]]))
"""
BUSY = """
import sys, time
from pathlib import Path
start = time.process_time()
while time.process_time() - start < float(sys.argv[2]):
    pass
Path(sys.argv[1]).write_text("done")
"""


def main() -> None:
    """Print three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 30, 100], help="numbers of runs for the no-op")
    chosen = parser.parse_args()
    imports()
    no_op(chosen.runs)
    parallel_stages()


def imports() -> None:
    """Print the seconds until each stage script starts its work, and the large packages that it has loaded by then."""
    print(f"{'stage script':44} {'seconds':>9}  imports")
    for script in sorted((REPOSITORY / "stages").glob("*.py")):
        command = [sys.executable, "-c", IMPORTED, str(script)]
        results = [json.loads(_output(command, REPOSITORY)) for _ in range(REPETITIONS)]
        seconds = statistics.median(result[0] for result in results)
        print(f"{script.stem:44} {seconds:9.2f}  {' '.join(results[0][1]) or '-'}")


def no_op(counts: list[int]) -> None:
    """Print the seconds of a command that finds everything up to date, by number of runs in the grid."""
    print(f"\n{'nothing to do, s':44} {'dvc repro':>9} {'ganpipe repro':>14}")
    for runs in counts:
        with workspace() as root:
            _grid(root, runs)
            plain = _median(lambda root=root: _dvc(root, "repro"))
            ours = _median(lambda root=root: _ganpipe(root, 2))
            print(f"{f'{runs} runs, {_stages(root)} stages':44} {plain:9.2f} {ours:14.2f}")


def parallel_stages() -> None:
    """Print the seconds of stages that each keep one core busy."""
    with workspace() as root:
        (root / "busy.py").write_text(BUSY, encoding="utf-8")
        (root / "params.yaml").touch()  # marks a checkout of the project
        stages = {
            f"busy{number}": {"cmd": f"python busy.py {number}.txt {BUSY_SECONDS}", "outs": [f"{number}.txt"]}
            for number in range(BUSY_STAGES)
        }
        _write(root / "dvc.yaml", {"stages": stages})
        print(f"\n{f'{BUSY_STAGES} stages of {BUSY_SECONDS:.0f} s CPU time each':44} {'seconds':>9} {'ratio':>7}")
        serial = 0.0
        for name, run in {
            "dvc repro": lambda: _dvc(root, "repro"),
            "ganpipe repro -j 1": lambda: _ganpipe(root, 1),
            "ganpipe repro -j 2": lambda: _ganpipe(root, 2),
        }.items():
            for leftover in (root / "dvc.lock", root / ".dvc" / "cache"):
                shutil.rmtree(leftover, ignore_errors=True)
                leftover.unlink(missing_ok=True)
            seconds = _seconds(run)
            serial = serial or seconds
            print(f"{name:44} {seconds:9.2f} {serial / seconds:7.2f}")


@contextmanager
def workspace() -> Iterator[Path]:
    """Yield an empty repository of Git and DVC in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        (root / ".dvc").mkdir(parents=True)
        config = f"[core]\n    analytics = false\n    site_cache_dir = {folder}/site\n"
        (root / ".dvc" / "config").write_text(config, encoding="utf-8")
        _output(["git", "init", "--quiet"], root)
        yield root


def _grid(root: Path, runs: int) -> None:
    """Fill a workspace with this project's pipeline: one experiment with many seeds, everything up to date.

    The plan is real; the outputs of the other stages are files of a few bytes.
    """
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, root / name)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["grid"] |= {"experiments": params["grid"]["experiments"][:1], "seeds": list(range(runs))}
    _write(root / "params.yaml", params)
    _output([sys.executable, "stages/plan.py"], root)

    names = [path.stem for path in (root / "out" / "plan" / "runs").iterdir()]
    for stage in yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values():
        for pattern in stage.get("outs", []) + stage.get("metrics", []):
            axes = stage.get("matrix", {})
            instances = params["grid"]["datasets"] if "data" in axes else names
            for out in {re.sub(r"\$\{.*\}", instance, pattern) for instance in instances} - {"out/plan"}:
                for path in [root / out] if Path(out).suffix else [root / out / f"{name}.yaml" for name in names]:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"{{}} # {path.name}\n", encoding="utf-8")
    _dvc(root, "commit", "--force")
    _dvc(root, "repro")


def _stages(root: Path) -> int:
    return len(_output([sys.executable, "-m", "dvc", "stage", "list", "--name-only"], root).splitlines())


def _dvc(root: Path, *arguments: str) -> None:
    _output([sys.executable, "-m", "dvc", *arguments], root)


def _ganpipe(root: Path, jobs: int) -> None:
    _output([sys.executable, "-m", "ganpipe", "repro", "-j", str(jobs)], root)


def _output(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY / "src")}
    environment.pop("DVC_ROOT", None)
    return subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _median(run: Callable[[], None]) -> float:
    return statistics.median(_seconds(run) for _ in range(REPETITIONS))


if __name__ == "__main__":
    main()
