"""Time and memory of the data stages on a large folder of images.

    python benchmarks/folder.py [--images 100000] [--size 64]

Generates JPEG files in ten class folders in a temporary folder (about 2.5 GB at the defaults, with all outputs), and
runs the stages on them in a clone of this repository, each as a command of its own: seconds from start to end,
processor seconds of all its processes, and the peak memory of its largest one, without mapped files. The last two lines
run again with nothing changed, and with one image added.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import yaml
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
CLASSES, GRAIN, QUALITY = 10, 8, 90
_POLL = 0.1  # seconds between two looks at the memory
STAGES = ("manifest", "fetch@large", "prepare@large", "judge@large", "reference@large")


def main() -> None:
    """Print one line per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="number of generated images")
    parser.add_argument("--size", type=int, default=64, help="their height and width in pixels")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images, clone = Path(folder) / "images", Path(folder) / "clone"
        parts = np.array_split(np.arange(chosen.images), 4 * (os.cpu_count() or 1))
        with ProcessPoolExecutor() as pool:
            list(pool.map(_write_images, [images] * len(parts), [part.tolist() for part in parts],
                          [chosen.size] * len(parts)))  # fmt: skip
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        _write_params(clone / "params.yaml", images, chosen.size)
        megabytes = sum(path.stat().st_size for path in images.rglob("*.jpg")) / 1e6
        print(f"{chosen.images} JPEG files of {chosen.size} pixels, {megabytes:.0f} MB")
        print(f"{'stage':44} {'seconds':>9} {'processor':>9} {'peak MB':>9}")
        for stage in STAGES:
            _measure(stage, ["repro", stage], clone)
        _measure("nothing changed", ["repro", STAGES[-1]], clone)
        _write_images(images, [chosen.images], chosen.size)
        _measure("one image added: manifest to prepare", ["repro", "prepare@large"], clone)


def _write_images(folder: Path, numbers: list[int], size: int) -> None:
    """Write smooth random images with a little noise, so that they compress and decode like photographs."""
    for number in numbers:
        noise = np.random.default_rng(number)
        grain = Image.fromarray(noise.integers(0, 256, (GRAIN, GRAIN, 3), dtype=np.uint8))
        smooth = np.asarray(grain.resize((size, size), Image.Resampling.BICUBIC), dtype=np.int16)
        pixels = np.clip(smooth + noise.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
        path = folder / f"class-{number % CLASSES}" / f"{number:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=QUALITY)


def _write_params(path: Path, images: Path, size: int) -> None:
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    entry = {"source": "folder", "path": str(images), "size": size, "classes": "subfolders", "judge": {"epochs": 1}}
    params["datasets"] = {"large": entry}
    experiment = {"document": "x", "title": "x", "dataset": "large"}
    params["experiments"] = {"small": experiment}
    params["grid"] = {"datasets": ["large"], "experiments": ["small"], "seeds": [0]}
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def _measure(label: str, arguments: list[str], clone: Path) -> None:
    """Print the seconds and processor seconds of a `dvc` command, and the peak memory of its largest process."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(clone / "src"), "PATH": path}
    started, worked = time.perf_counter(), _processor_seconds()
    with tempfile.TemporaryFile("w+") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "dvc", *arguments], cwd=clone, env=environment, stdout=output, stderr=output
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _own_memory(process))
            time.sleep(_POLL)
        seconds = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"dvc {' '.join(arguments)} failed:\n{output.read()}")
    print(f"{label:44} {seconds:9.1f} {_processor_seconds() - worked:9.1f} {peak / 1e6:9.0f}", flush=True)


def _processor_seconds() -> float:
    """Return the processor seconds of all commands that have ended, with their child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own_memory(process: psutil.Process) -> int:
    """Return the bytes of the largest process, without files that it maps: the system can drop these at any time."""
    sizes = [0]
    for member in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            memory = member.memory_info()
            sizes.append(memory.rss - memory.shared)
    return max(sizes)


if __name__ == "__main__":
    main()
