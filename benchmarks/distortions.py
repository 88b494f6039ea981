"""Whether the deciding metrics grow as real images are distorted, and put noise last.

    python benchmarks/distortions.py --prepared out/prepared/mnist --judge out/judge/mnist

Distorts held-out images in six ways, as Heusel et al. 2017 (appendix A1) did for their distance, at five strengths
each, and computes every distance whose extractor passed its checks. Prints one Markdown table: "rises" if the distance
grows with every step from the held-out images as they are to the strongest distortion, otherwise the steps at which it
does not; "noise last" if uniform noise is farther away than every distorted set.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from references import add_dataset_arguments, reference_of
from scipy.ndimage import gaussian_filter
from skimage.transform import swirl

from ganpipe.common.formatting import number
from ganpipe.metrics.evaluation import Evaluation, random_rows
from ganpipe.metrics.measure import measure
from ganpipe.metrics.registry import lookup

METRICS = ("fd_judge", "kid", "mind", "kid_imagenet")
COUNT = 1000

Images = NDArray[np.uint8]
Distort = Callable[[Images, float, np.random.Generator], Images]


def add_noise(images: Images, share: float, random: np.random.Generator) -> Images:
    """Mix with uniform noise: (1 - share) of the image, share of the noise."""
    return np.rint((1 - share) * images + share * random.integers(256, size=images.shape)).astype(np.uint8)


def blur(images: Images, width: float, _random: np.random.Generator) -> Images:
    """Blur with a Gaussian kernel whose standard deviation is this share of the image's width."""
    deviation = width * images.shape[-1]
    return gaussian_filter(images, (0, 0, deviation, deviation))


def black_out(images: Images, side: float, random: np.random.Generator) -> Images:
    """Blacken a square at a random place; its side is this share of the image's."""
    size = images.shape[-1]
    length, blackened = round(side * size), images.copy()
    for image, (row, column) in zip(blackened, random.integers(size - length + 1, size=(len(images), 2)), strict=True):
        image[:, row : row + length, column : column + length] = 0
    return blackened


def swirl_centre(images: Images, strength: float, _random: np.random.Generator) -> Images:
    """Rotate around the centre, by `strength` radians there and less outwards."""
    size = images.shape[-1]
    planes = images.reshape(-1, size, size).transpose(1, 2, 0)  # images as channels: their coordinates are equal
    turned = swirl(planes, strength=strength, radius=size, preserve_range=True)
    return np.rint(turned).astype(np.uint8).transpose(2, 0, 1).reshape(images.shape)


def pixelate(images: Images, block: float, _random: np.random.Generator) -> Images:
    """Average squares whose side is this share of the image's, rounded to whole squares."""
    size = images.shape[-1]
    small = F.adaptive_avg_pool2d(torch.from_numpy(images).float(), round(1 / block))
    return F.interpolate(small, (size, size), mode="nearest").round().byte().numpy()


def crop(images: Images, removed: float, _random: np.random.Generator) -> Images:
    """Enlarge the centre, without this share of the image's side."""
    size = images.shape[-1]
    margin = round(removed * size / 2)
    centre = torch.from_numpy(images[:, :, margin : size - margin, margin : size - margin].copy()).float()
    return F.interpolate(centre, (size, size), mode="bilinear", antialias=True).round().byte().numpy()


DISTORTIONS: dict[str, tuple[Distort, tuple[float, ...]]] = {
    "noise": (add_noise, (0.1, 0.2, 0.3, 0.45, 0.6)),
    "blur": (blur, (0.02, 0.035, 0.05, 0.07, 0.1)),
    "blackout": (black_out, (0.2, 0.3, 0.4, 0.5, 0.6)),
    "swirl": (swirl_centre, (0.5, 1, 1.5, 2, 3)),
    "pixelation": (pixelate, (1 / 14, 1 / 11, 1 / 9, 1 / 7, 1 / 5)),
    "crop": (crop, (0.1, 0.2, 0.3, 0.4, 0.5)),
}
"""Function and strengths, in ascending order."""


def falling_steps(values: Sequence[float]) -> list[int]:
    """Return the strengths (1 is the first distorted set) at which the distance does not grow."""
    return [strength for strength, (weaker, stronger) in enumerate(pairwise(values), 1) if not stronger > weaker]


def farther_than_noise(values: Mapping[str, Sequence[float]], noise: float) -> list[str]:
    """Return the distortions with a strength that is at least as far away as noise."""
    return [name for name, distances in values.items() if max(distances) >= noise]


def main() -> None:
    """Print the distances of one dataset as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_dataset_arguments(parser)
    parser.add_argument("--images", type=int, default=COUNT, help="held-out images to distort, at most")
    chosen = parser.parse_args()
    context, _ = reference_of(chosen.prepared, chosen.judge, METRICS, chosen.images)
    dataset = context.dataset
    heldout = np.array(dataset.heldout.images[random_rows(len(dataset.heldout.images), chosen.images, 0)])
    names = _usable(Evaluation(context, heldout))

    def distances(images: Images) -> dict[str, float]:
        evaluation = Evaluation(context, images)
        return {name: measure(lookup(name), evaluation) for name in names}

    random = np.random.default_rng(0)
    clean, noise = distances(heldout), distances(random.integers(256, size=heldout.shape, dtype=np.uint8))
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for distortion, (distort, strengths) in DISTORTIONS.items():
        sets = [distances(distort(heldout, strength, random)) for strength in strengths]
        for name in names:
            found[name][distortion] = [values[name] for values in sets]
    print(f"{dataset.name}: {len(heldout)} held-out images\n")
    print("| metric | distortion | real | 1 | 2 | 3 | 4 | 5 | noise | rises |")
    print("|---|---|" + "---:|" * 7 + "---|")
    for name in names:
        for distortion, values in found[name].items():
            falling = falling_steps([clean[name], *values])
            cells = [number(value) for value in (clean[name], *values, noise[name])]
            verdict = "not at " + ", ".join(map(str, falling)) if falling else "yes"
            print(f"| `{name}` | {distortion} | {' | '.join(cells)} | {verdict} |")
    print()
    for name in names:
        farther = farther_than_noise(found[name], noise[name])
        print(f"{name}: noise " + (f"is not last: {', '.join(farther)} is farther" if farther else "is last"))


def _usable(evaluation: Evaluation) -> list[str]:
    """Return the metrics whose extractors may decide, and print why others may not or have few images."""
    names = []
    for metric in map(lookup, METRICS):
        if reason := next(filter(None, map(evaluation.missing, metric.requires)), ""):
            print(f"{metric.name}: not computed: {reason}")
            continue
        if len(evaluation) < metric.min_samples:
            print(f"{metric.name}: {len(evaluation)} images, but the pipeline requires {metric.min_samples}")
        names.append(metric.name)
    return names


if __name__ == "__main__":
    main()
