"""Images per second of one training: the pipeline compared with the loop of the PyTorch DCGAN example.

    python benchmarks/training.py [--width 16 32 64] [--steps 60] [--rounds 3]

The loops take turns, each in its own process. Two speeds are printed: over all steps, including the start of the
workers and the slow first steps, and from the 21st step on, as in a long training. The example's loop has two threads,
PyTorch's default on two cores. The peak is that of a square matrix product in the same run; the share of it counts the
multiply-adds that a step needs at least.
"""

import argparse
import statistics
import time
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from loops import IMAGE, LATENT, Pixels, example_loop, pipeline_loop, run_in_subprocess

from ganpipe.nets.registry import build_discriminator, build_generator

LR, SEED, WARM_UP_STEPS = 2e-4, 0, 20
LOOPS = {
    "example, 2 workers": partial(example_loop, threads=2, workers=2),
    "example, no workers": partial(example_loop, threads=2, workers=0),
    "ganpipe, 1 thread": partial(pipeline_loop, threads=1, lowering=True),
    "ganpipe, 2 threads": partial(pipeline_loop, threads=2, lowering=True),
    "ganpipe, 2 threads, no lowering": partial(pipeline_loop, threads=2, lowering=False),
}


def images_per_second(name: str, pixels: Pixels, width: int, batch: int, steps: int) -> tuple[float, float]:
    """Return the speed over all steps, and that after the warm-up."""
    started = time.perf_counter()
    loop = LOOPS[name](pixels=pixels, width=width, batch=batch, lr=LR, seed=SEED)
    for _ in islice(loop, WARM_UP_STEPS):
        pass
    warm = time.perf_counter()
    for _ in islice(loop, steps - WARM_UP_STEPS):
        pass
    ended = time.perf_counter()
    return steps * batch / (ended - started), (steps - WARM_UP_STEPS) * batch / (ended - warm)


def peak_flops(threads: int) -> float:
    """Return the floating-point operations per second of a matrix product, the best of ten."""
    torch.set_num_threads(threads)
    size = 2048
    left, right = torch.randn(size, size), torch.randn(size, size)
    times = []
    for _ in range(10):
        started = time.perf_counter()
        torch.mm(left, right)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / min(times)


def operations_per_image(width: int) -> float:
    """Return the floating-point operations that one step needs per image; a multiply-add counts as two.

    D: three forward passes (real images, generated images, generated images after its update); gradients with respect
    to its weights in the first two, to all its maps in the third, and to all but the image in the first two. G: one
    forward pass, and the gradients with respect to weights and maps.
    """
    generator = build_generator("dcgan", IMAGE, LATENT, 0, {"width": width})
    discriminator = build_discriminator("dcgan", IMAGE, 0, {"width": width})
    generator_cost = sum(_multiply_adds(generator, torch.zeros(2, LATENT)))
    first_layer, *other_layers = _multiply_adds(discriminator, torch.zeros(2, *IMAGE[:1], IMAGE.size, IMAGE.size))
    discriminator_cost = first_layer + sum(other_layers)
    noise_gradient = LATENT * 4 * width * 16  # not needed
    return 2 * (6 * discriminator_cost + 2 * sum(other_layers) + 3 * generator_cost - noise_gradient)


def _multiply_adds(network: torch.nn.Module, inputs: torch.Tensor) -> list[float]:
    """Return the multiply-adds per image of each convolution: every weight at every position of its smaller map."""
    found: list[float] = []

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        positions = [maps.shape[2:].numel() if maps.ndim == 4 else 1 for maps in (inputs[0], output)]
        transposed = isinstance(module, torch.nn.ConvTranspose2d)
        found.append(module.get_parameter("weight").numel() * positions[0 if transposed else 1])

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(count)
    network(inputs)
    return found


def main() -> None:
    """Print one row per width and loop: medians over the rounds, ratios to the example's loop, share of the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=Path, default=Path("out/prepared/mnist/train_images.npy"))
    chosen = parser.parse_args()
    pixels = np.load(chosen.images, allow_pickle=False)
    peaks = {threads: run_in_subprocess(peak_flops, threads) for threads in (1, 2)}
    print(" ".join(f"peak with {threads} threads: {value / 1e9:.0f} GFLOP/s." for threads, value in peaks.items()))

    print(f"{'':42}{'from the start':>20}{f'after {WARM_UP_STEPS} steps':>20}   of the peak")
    for width in chosen.width:
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in LOOPS}
        for _ in range(chosen.rounds):
            for name in LOOPS:
                rounds[name].append(
                    run_in_subprocess(images_per_second, name, pixels, width, chosen.batch, chosen.steps)
                )
        medians = {
            name: [statistics.median(values) for values in zip(*found, strict=True)] for name, found in rounds.items()
        }
        base = medians["example, 2 workers"]
        for name, found in medians.items():
            columns = "".join(f"{value:12.0f} ({value / of:.2f}x)" for value, of in zip(found, base, strict=True))
            share = found[-1] * operations_per_image(width) / peaks[LOOPS[name].keywords["threads"]]
            print(f"width {width:3}  {name:31}{columns}   {share:4.0%}", flush=True)


if __name__ == "__main__":
    main()
