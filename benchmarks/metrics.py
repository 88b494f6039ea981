"""Speed and memory of the metrics, compared with their reference implementations.

    python benchmarks/metrics.py --prepared out/prepared/mnist --judge out/judge/mnist

Trust the ratios: seconds depend on the machine and its load. The samples are real images with added noise.
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from prdc import compute_prdc
from pytorch_fid.fid_score import calculate_frechet_distance
from skimage.filters import laplace
from skimage.metrics import structural_similarity

from ganpipe.common.process import tune_allocator
from ganpipe.data.dataset import Dataset, load
from ganpipe.metrics import pixels
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.frechet import frechet_distance
from ganpipe.metrics.manifold import overlap
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, fit
from ganpipe.plan.metric_names import metric_names

THREADS = 2
COUNT = 10_000


def main() -> None:
    """Print the comparison, then seconds and memory of all metrics together, in one process per number of samples."""
    arguments = _arguments()
    torch.set_num_threads(THREADS)
    warnings.simplefilter("ignore", DeprecationWarning)
    if arguments.samples:
        all_metrics(arguments.prepared, arguments.judge, arguments.reference, arguments.samples)
        return
    images = noisy_images(load(arguments.prepared), COUNT)
    print(f"{'':44} {'ours, s':>9} {'theirs, s':>9} {'ratio':>7}")
    compare_frechet()
    compare_neighbours()
    compare_pixel_metrics(images)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference"
        build_reference(load(arguments.prepared), load_judge(arguments.judge), _settings(), COUNT, reference)
        for count in (COUNT, 5 * COUNT):  # one process each, because peak memory is measured per process
            command = [sys.executable, __file__, "--prepared", arguments.prepared, "--judge", arguments.judge]
            subprocess.run([*command, "--reference", reference, "--samples", str(count)], check=True)


def compare_frechet() -> None:
    """Fréchet distance from moments and from features: 2048 features, 10,000 images each."""
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(2048, 2048, generator=random) / 2048**0.5
    first, second = (
        (torch.randn(COUNT, 2048, generator=random) * s).relu().double() @ mixing.double() for s in (1, 1.1)
    )
    moments = [(f.mean(0), torch.cov(f.T)) for f in (first, second)]

    def ours_from_moments() -> float:
        return frechet_distance(*(Gaussian(mean, torch.linalg.cholesky(cov).T) for mean, cov in moments))

    def theirs_from_moments() -> float:
        (mean, cov), (other_mean, other_cov) = ((m.numpy(), c.numpy()) for m, c in moments)
        return float(calculate_frechet_distance(mean, cov, other_mean, other_cov))

    _compare("Fréchet distance, 2048-d: pytorch-fid", ours_from_moments, theirs_from_moments)

    def ours_from_features() -> float:
        return frechet_distance(fit(first), fit(second))

    def theirs_from_features() -> float:
        (mean, cov), (other_mean, other_cov) = (
            (f.mean(0), np.cov(f, rowvar=False)) for f in (first.numpy(), second.numpy())
        )
        return float(calculate_frechet_distance(mean, cov, other_mean, other_cov))

    _compare("the same, including the covariances", ours_from_features, theirs_from_features)


def compare_neighbours() -> None:
    """Precision, recall, density and coverage: 128 features, 10,000 images each."""
    random = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(COUNT, 128, generator=random) * scale for scale in (1, 1.05))

    def theirs() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return float(compute_prdc(real.double().numpy(), fake.double().numpy(), 5)["coverage"])

    _compare("precision, recall, density, coverage: prdc", lambda: overlap(real, fake, 5).coverage, theirs)


def compare_pixel_metrics(images: NDArray[np.uint8]) -> None:
    """Pixel metrics, compared with loops over functions of scikit-image and NumPy."""
    grey = images[:, 0] / 255
    _compare(
        "sharpness, 10,000 images: scikit-image loop",
        lambda: pixels.sharpness(images),
        lambda: float(np.mean([laplace(image).var() for image in grey])),
    )
    first, second = images[:2000], images[2000:4000]
    _compare(
        "SSIM, 2,000 pairs: scikit-image loop",
        lambda: float(pixels.structural_similarity(first, second).mean()),
        lambda: float(np.mean([structural_similarity(a[0], b[0]) for a, b in zip(first, second, strict=True)])),
    )
    few = images[:500]
    _compare(
        "diversity, all pairs of 500: NumPy loop",
        lambda: pixels.diversity(few),
        lambda: float(np.mean([np.abs(a / 255 - b / 255).mean() for a, b in combinations(few, 2)])),
    )


def all_metrics(prepared: Path, judge: Path, reference: Path, count: int) -> None:
    """Print seconds and peak memory of all metrics on `count` samples."""
    tune_allocator()  # as in a stage
    dataset, loaded = load(prepared), load_judge(judge)
    images = noisy_images(dataset, count)
    before = _peak_memory()
    start, processor = time.perf_counter(), time.process_time()
    record = evaluate(images, None, dataset, loaded, reference, _settings(), "")
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    print(
        f"{len(record['metrics'])} metrics on {count:,} samples: {seconds:.1f} s ({processor:.1f} s of CPU time), "
        f"peak memory {_peak_memory()} MB, {before} MB before"
    )


def noisy_images(dataset: Dataset, count: int) -> NDArray[np.uint8]:
    """Return training images with added noise, in place of generated images."""
    random = np.random.default_rng(0)
    chosen = dataset.train.images[random.choice(len(dataset.train.images), count)]
    return np.clip(chosen + random.integers(-20, 21, chosen.shape, dtype=np.int16), 0, 255).astype(np.uint8)


def _compare(title: str, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    ours()  # warm-up: libraries load on first use
    times, values = [], []
    for compute in (ours, theirs):
        start = time.perf_counter()
        values.append(compute())
        times.append(time.perf_counter() - start)
    difference = abs(values[0] / values[1] - 1)
    print(f"{title:44} {times[0]:9.3f} {times[1]:9.3f} {times[1] / times[0]:6.1f}x   differ by {difference:.0e}")


def _settings() -> EvaluateSettings:
    return EvaluateSettings(metrics=metric_names(), threads=THREADS)


def _peak_memory() -> int:
    """Return the peak memory of this process in MB (Linux only: elsewhere it includes that of the parent)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="folder of a prepared dataset")
    parser.add_argument("--judge", type=Path, required=True, help="folder of its judge")
    parser.add_argument("--reference", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
