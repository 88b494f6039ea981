"""How time and memory of one training grow: with its images, and with its epochs.

    python benchmarks/growth.py [--images 2560 5120 10240] [--epochs 1 2 4 8]

Runs the pipeline's own training, each in a process of its own. Time should be proportional to the images seen, and the
peak of memory should not depend on the epochs.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import torch
from loops import run_in_subprocess

from ganpipe.common.process import tune_allocator
from ganpipe.common.progress import ProgressCallback
from ganpipe.config import Training
from ganpipe.data.dataset import load
from ganpipe.training.loop import train

NARROW = {"width": 16}


def cost(prepared: Path, images: int, epochs: int) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a training on so many images for so many epochs."""
    tune_allocator()
    training = Training(
        dataset="mnist", generator=NARROW, discriminator=NARROW, batch_size=128, epochs=epochs, ema=0.999, seed=0,
        threads=1, images=images,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        callback = ProgressCallback("growth", epochs)
        _, seconds = train(training, load(prepared), Path(work), callback, torch.device("cpu"), checkpoint_every=60)
    unit = 1024 if sys.platform == "linux" else 1024**2
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Print a row for each number of images, then for each number of epochs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[2560, 5120, 10240])
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--prepared", type=Path, default=Path("out/prepared/mnist"))
    chosen = parser.parse_args()
    cases = [(images, 1) for images in chosen.images] + [(chosen.images[0], epochs) for epochs in chosen.epochs]
    print(f"{'images':>8} {'epochs':>7} {'seconds':>8} {'ms an image':>12} {'peak, MiB':>10}")
    for images, epochs in cases:
        seconds, memory = run_in_subprocess(cost, chosen.prepared, images, epochs)
        print(f"{images:8} {epochs:7} {seconds:8.1f} {1000 * seconds / (images * epochs):12.3f} {memory:10.0f}")


if __name__ == "__main__":
    main()
