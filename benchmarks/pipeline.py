"""Overhead of the pipeline: imports of the stages, no-op runs, cost per run, gain of running several stages at once.

    python benchmarks/pipeline.py [--runs 10 30 100] [--tables imports no-op runs parallel] [--before CHECKOUT]

With --before the tables of no-op and cost per run have one more line each, for `ganpipe repro` of another checkout.

Works on copies in a temporary folder, with stages that write a few bytes. Trust the ratios: seconds depend on the
machine and its load.
"""

import argparse
import json
import os
import re
import resource
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
FILES = tuple(f"{number}.bin" for number in range(5))  # in the output folder of a tiny run
KEPT = ("manifest", "plan")  # stages whose outputs are real, because other stages read settings from them
TABLES = ("imports", "no-op", "runs", "parallel")

IMPORTED = f"""
import json, runpy, sys, time
start = time.perf_counter()
runpy.run_path(sys.argv[1], run_name="imported")
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {HEAVY!r} if name in sys.modules]]))
"""
# `dvc commit --force` rewrites dvc.lock once per stage, which takes longer than everything measured here.
COMMIT = """
from dvc.stage.serialize import to_single_stage_lockfile
from ganpipe.scheduling.graph import StageGraph
graph, entries = StageGraph(()), {}
with graph.locked():
    for name, stage in graph._stages.items():
        stage.save(run_cache=False)
        stage.commit()
        if stage.cmd:
            entries[name] = to_single_stage_lockfile(stage)
graph.record(entries)
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
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 30, 100], help="numbers of runs for the no-op")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES, help="what to measure")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="another checkout to compare with")
    chosen = parser.parse_args()
    sources = {"": REPOSITORY} | ({", before": chosen.before.resolve()} if chosen.before else {})
    if "imports" in chosen.tables:
        imports()
    if "no-op" in chosen.tables:
        no_op(chosen.runs, sources)
    if "runs" in chosen.tables:
        cost_per_run(chosen.runs, sources)
    if "parallel" in chosen.tables:
        parallel_stages()


def imports() -> None:
    """Print the seconds until each stage script starts its work, and the large packages that it has loaded by then."""
    print(f"{'stage script':44} {'seconds':>9}  imports")
    for script in sorted((REPOSITORY / "stages").glob("*.py")):
        command = [sys.executable, "-c", IMPORTED, str(script)]
        results = [json.loads(_output(command, REPOSITORY)) for _ in range(REPETITIONS)]
        seconds = statistics.median(result[0] for result in results)
        print(f"{script.stem:44} {seconds:9.2f}  {' '.join(results[0][1]) or '-'}")


def no_op(counts: list[int], sources: dict[str, Path]) -> None:
    """Print the seconds of a command that finds everything up to date, by number of runs in the grid."""
    print(f"\n{'nothing to do':44} {'seconds':>9} {'CPU s':>9} {'MiB':>7}")
    for runs in counts:
        with workspace() as root:
            _grid(root, runs)
            _tiny_commands(root)
            _output([sys.executable, "-c", COMMIT], root)
            commands = {"dvc repro": lambda root=root: _dvc(root, "repro")} | {
                f"ganpipe repro{name}": lambda root=root, source=source: _ganpipe(root, 2, source)
                for name, source in sources.items()
            }
            for command in commands.values():
                command()
            rounds = [{name: _usage(command) for name, command in commands.items()} for _ in range(REPETITIONS)]
            for name in commands:
                used = [statistics.median(each[name][part] for each in rounds) for part in range(3)]
                print(f"{f'{name}, {runs} runs':44} {used[0]:9.2f} {used[1]:9.2f} {used[2]:7.0f}", flush=True)


def cost_per_run(counts: list[int], sources: dict[str, Path]) -> None:
    """Print what a run costs besides its own work: seconds per run of a grid whose stages only write a few bytes."""
    print(f"\n{'a grid of tiny runs from nothing':44} {'seconds':>9} {'CPU s':>9} {'MiB':>7} {'per run':>9}")
    for runs in counts:
        for name, source in sources.items():
            with workspace() as root:
                _grid(root, runs)
                _tiny_commands(root)
                for folder in (root / "out").iterdir():
                    shutil.rmtree(folder) if folder.is_dir() and folder.name != "plan" else None
                seconds, cpu, memory = _usage(lambda root=root, source=source: _ganpipe(root, 2, source))
                title = f"ganpipe repro -j 2{name}, {runs} runs"
                print(f"{title:44} {seconds:9.2f} {cpu:9.2f} {memory:7.0f} {seconds / runs:9.2f}", flush=True)


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
    for stage in KEPT:
        _output([sys.executable, f"stages/{stage}.py"], root)

    names = [path.stem for path in (root / "out" / "plan" / "runs").iterdir()]
    for title, stage in yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        for pattern in stage["outs"] if title not in KEPT else []:
            instances = params["grid"]["datasets"] if "data" in stage.get("matrix", {}) else names
            for out in {re.sub(r"\$\{.*\}", instance, pattern) for instance in instances}:
                files = FILES if "matrix" in stage else [f"{name}.yaml" for name in names]
                for path in [root / out] if Path(out).suffix else [root / out / file for file in files]:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"{{}} # {path.name}\n", encoding="utf-8")


def _tiny_commands(root: Path) -> None:
    """Let every stage only copy its outputs, as `_grid` wrote them, from a folder beside the workspace."""
    ready = root.parent / "ready"
    shutil.copytree(root / "out", ready, dirs_exist_ok=True)
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
    for stage in pipeline["stages"].values():
        outs = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
        stage["cmd"] = " && ".join(
            f"mkdir -p {Path(out).parent} && cp -r {ready}/{Path(out).relative_to('out')} {out}" for out in outs
        )
    _write(root / "dvc.yaml", pipeline)


def _dvc(root: Path, *arguments: str) -> None:
    _output([sys.executable, "-m", "dvc", *arguments], root)


def _ganpipe(root: Path, jobs: int, source: Path = REPOSITORY) -> None:
    _output([sys.executable, "-m", "ganpipe", "repro", "-j", str(jobs)], root, source)


def _output(command: list[str], folder: Path, source: Path = REPOSITORY) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(source / "src")}
    environment.pop("DVC_ROOT", None)
    return subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _usage(run: Callable[[], None]) -> tuple[float, float, float]:
    """Return the seconds of a command, the processor seconds of its processes, and the MiB of the largest so far."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = _seconds(run)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, after.ru_maxrss / 1024


if __name__ == "__main__":
    main()
