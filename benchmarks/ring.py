"""Mode coverage on eight Gaussians on a ring, the standard two-dimensional test beside Stacked MNIST.

    python benchmarks/ring.py [--steps 4000] [--seeds 0 1 2]

A point is no image: rendered as one, its distance from a centre would be measured in fractions of a pixel. So the ring
is no dataset of the pipeline. This script trains the pipeline's MLP with the pipeline's GAN step, losses and penalties
on points themselves, as images of two channels and one pixel.

Lin et al., PacGAN, 2018, section 4.1 (and Srivastava et al., VEEGAN, 2017): standard deviation 0.01, radius 1, 100,000
points, batches of 100, two-dimensional noise; 2,500 generated points; a point has high quality if it is within three
standard deviations of the nearest centre, and a mode is found if it has such a point. The networks are smaller. The
divergence is KL(generated || data) of the nearest centres of all points, in nats.
"""

import argparse
import statistics
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.process import tune_allocator
from ganpipe.common.random_streams import numpy_stream, torch_stream
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.gan import build
from ganpipe.metrics.modes import histogram, kl_divergence

MODES, DEVIATION, POINTS, GENERATED, BATCH, LATENT = 8, 0.01, 100_000, 2_500, 100, 2
SCALE = 2  # the generator ends in tanh, so networks see points on a ring of radius 1 / SCALE
ANGLES = 2 * np.pi * np.arange(MODES) / MODES
CENTRES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)

RECIPES: dict[str, dict[str, Any]] = {
    "bce": {},
    "least_squares": {"loss": "least_squares"},
    "wasserstein, gradient penalty": {"loss": "wasserstein", "penalty": "gradient_penalty"},
    "relativistic, R1 and R2": {"loss": "relativistic", "penalty": "r1_r2", "penalty_weight": 0.1},
}


class Coverage(NamedTuple):
    """Modes found, share of points of high quality, and divergence of the modes."""

    modes: float
    high_quality: float
    divergence: float


def draw_ring(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return points (count, 2) of the eight Gaussians, equally many of each on average."""
    return CENTRES[random.integers(MODES, size=count)] + DEVIATION * random.standard_normal((count, 2))


def measure_coverage(points: NDArray[np.float64]) -> Coverage:
    """Return the coverage of points (N, 2)."""
    distances = np.linalg.norm(points[:, None] - CENTRES, axis=2)
    nearest, good = distances.argmin(1), distances.min(1) <= 3 * DEVIATION
    uniform = np.ones(MODES, dtype=np.int64)
    divergence = kl_divergence(histogram(nearest, MODES), uniform)
    return Coverage(len(np.unique(nearest[good])), float(good.mean()), divergence)


def train(recipe: dict[str, Any], steps: int, seed: int) -> NDArray[np.float64]:
    """Train a GAN on the ring and return GENERATED points of it, (N, 2)."""
    settings: dict[str, Any] = {
        "generator": {"hidden": [128, 128]}, "discriminator": {"hidden": [128, 128]}, "init": "default", "lr": 5e-4,
        "ema": 0.999,
    }  # fmt: skip
    training = Training(
        dataset="ring", network="mlp", latent=LATENT, batch_size=BATCH, epochs=1, seed=seed, threads=1,
        **settings | recipe,
    )  # fmt: skip
    torch.manual_seed(seed)
    method = build(training, ImageShape(2, 1), 0, torch.device("cpu"))
    random = numpy_stream(seed, "batches")
    points = torch.from_numpy(draw_ring(POINTS, random) / SCALE).float().view(-1, 2, 1, 1)
    for step in range(steps):
        rows = random.integers(POINTS, size=BATCH * training.critic_steps)
        method.set_step(step, steps)
        method.step(points[torch.from_numpy(rows)], None)
    noise = torch.randn(GENERATED, LATENT, generator=torch_stream(seed, "sampling"))
    with torch.no_grad():
        generated = method.image_generator()(noise)
    return SCALE * generated.flatten(1).double().numpy()


def main() -> None:
    """Print one row per recipe, with means over seeds, after those of the data and of a collapsed generator."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="of the generator")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()
    tune_allocator()
    torch.set_num_threads(1)
    points = draw_ring(GENERATED, numpy_stream(0, "reference_noise"))
    print(f"{'':30}  modes (of {MODES})  high quality  divergence  CPU seconds")
    _print_row("the data itself", [measure_coverage(points)], 0)
    _print_row("collapsed: one Gaussian", [measure_coverage(points[points[:, 0] > 1 - 5 * DEVIATION])], 0)
    for name, recipe in RECIPES.items():
        started = time.process_time()
        found = [measure_coverage(train(recipe, chosen.steps, seed)) for seed in chosen.seeds]
        _print_row(name, found, (time.process_time() - started) / len(found))


def _print_row(name: str, found: list[Coverage], seconds: float) -> None:
    modes, quality, divergence = (statistics.mean(values) for values in zip(*found, strict=True))
    print(f"{name:30}  {modes:12.1f}  {quality:12.1%}  {divergence:10.3f}  {seconds:11.0f}", flush=True)


if __name__ == "__main__":
    main()
