"""Images a second of one training: ours against the loop that users run, in turn, each in a process of its own.

    python benchmarks/training.py [--width 16 32 64] [--steps 60] [--rounds 3]

Twice: of the whole, with the start of workers and the first steps, and of the steps from the 21st on, as in a long
training. The users' loop gets two threads, as PyTorch takes by itself on two cores. The peak is that of a square matrix
product in the same run, and the share of it counts the multiply-adds that a step cannot do without.
"""

import argparse
import statistics
import time
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from loops import IMAGE, LATENT, Pixels, in_its_own_process, our_loop, users_loop

from ganpipe.nets.registry import build_discriminator, build_generator

LR, SEED, WARM = 2e-4, 0, 20
LOOPS = {
    "users' loop, 2 workers": partial(users_loop, threads=2, workers=2),
    "users' loop, no workers": partial(users_loop, threads=2, workers=0),
    "ours, 1 thread": partial(our_loop, threads=1, lowering=True),
    "ours, 2 threads": partial(our_loop, threads=2, lowering=True),
    "ours, 2 threads, not lowered": partial(our_loop, threads=2, lowering=False),
}


def speed(name: str, pixels: Pixels, width: int, batch: int, steps: int) -> tuple[float, float]:
    """Images a second of the whole, and of the steps after the first ones."""
    started = time.perf_counter()
    loop = LOOPS[name](pixels=pixels, width=width, batch=batch, lr=LR, seed=SEED)
    for _ in islice(loop, WARM):
        pass
    warm = time.perf_counter()
    for _ in islice(loop, steps - WARM):
        pass
    ended = time.perf_counter()
    return steps * batch / (ended - started), (steps - WARM) * batch / (ended - warm)


def peak(threads: int) -> float:
    """Floating-point operations a second of a matrix product, the best of ten."""
    torch.set_num_threads(threads)
    size = 2048
    left, right = torch.randn(size, size), torch.randn(size, size)
    times = []
    for _ in range(10):
        started = time.perf_counter()
        torch.mm(left, right)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / min(times)


def operations(width: int) -> float:
    """Floating-point operations of one step for each image: two a multiply-add.

    D forward on real, on generated and, after its step, on generated images; its weights' gradients for the first two;
    gradients at all maps for the third, and at all but the image for the first two. G forward, and both gradients.
    """
    generator = build_generator("dcgan", IMAGE, LATENT, 0, {"width": width})
    discriminator = build_discriminator("dcgan", IMAGE, 0, {"width": width})
    of_g = sum(_multiply_adds(generator, torch.zeros(2, LATENT)))
    first, *others = _multiply_adds(discriminator, torch.zeros(2, *IMAGE[:1], IMAGE.size, IMAGE.size))
    of_d = first + sum(others)
    noise_needs_none = LATENT * 4 * width * 16
    return 2 * (3 * of_d + 2 * of_d + 2 * sum(others) + of_d + 3 * of_g - noise_needs_none)


def _multiply_adds(network: torch.nn.Module, inputs: torch.Tensor) -> list[float]:
    """Of each layer with a kernel, for one image: a tap for every weight at every place of the smaller map."""
    found: list[float] = []

    def count(module: torch.nn.Module, given: tuple[torch.Tensor], made: torch.Tensor) -> None:
        places = [map_.shape[2:].numel() if map_.ndim == 4 else 1 for map_ in (given[0], made)]
        transposed = isinstance(module, torch.nn.ConvTranspose2d)
        found.append(module.get_parameter("weight").numel() * places[0 if transposed else 1])

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(count)
    network(inputs)
    return found


def main() -> None:
    """Print one row a width and loop: medians over the rounds, ratios to the users' loop, share of the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=Path, default=Path("out/prepared/mnist/train_images.npy"))
    chosen = parser.parse_args()
    pixels = np.load(chosen.images, allow_pickle=False)
    peaks = {threads: in_its_own_process(peak, threads) for threads in (1, 2)}
    print(" ".join(f"peak on {threads} threads: {value / 1e9:.0f} GFLOP/s." for threads, value in peaks.items()))

    print(f"{'':35}{'from the start':>20}{f'after {WARM} steps':>20}   of the peak")
    for width in chosen.width:
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in LOOPS}
        for _ in range(chosen.rounds):
            for name in LOOPS:
                rounds[name].append(in_its_own_process(speed, name, pixels, width, chosen.batch, chosen.steps))
        medians = {
            name: [statistics.median(values) for values in zip(*found, strict=True)] for name, found in rounds.items()
        }
        base = medians["users' loop, 2 workers"]
        for name, found in medians.items():
            columns = "".join(f"{value:12.0f} ({value / of:.2f}x)" for value, of in zip(found, base, strict=True))
            share = found[-1] * operations(width) / peaks[LOOPS[name].keywords["threads"]]
            print(f"width {width:3}  {name:28}{columns}   {share:4.0%}", flush=True)


if __name__ == "__main__":
    main()
