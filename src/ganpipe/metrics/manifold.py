"""Fidelity and variety as separate numbers, from nearest neighbours among features."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_MAX_DISTANCES = 4_000_000  # distances in memory at once: 32 MB, independent of the number of images


class ManifoldOverlap(NamedTuple):
    """Shares in [0, 1], except for density, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(real: Tensor, fake: Tensor, neighbours: int, real_radii: Tensor | None = None) -> ManifoldOverlap:
    """Return precision, recall, density and coverage of features `fake` (m, d) against `real` (n, d).

    Every row has a ball that reaches to its k-th nearest neighbour in its own set. precision: fakes in a real ball;
    recall: reals in a fake ball (Kynkäänniemi et al., Improved precision and recall metric, 2019, eq. 2 and 3).
    density: real balls around a fake, over k; coverage: real balls that contain a fake (Naeem et al., Reliable fidelity
    and diversity metrics, 2020, eq. 3 and 4). Distances are computed in blocks. `real_radii` (n,): the radii of `real`,
    if they are already known. Raises ValueError as `radii` does.
    """
    real_radii = radii(real, neighbours) if real_radii is None else real_radii
    fake_radii = radii(fake, neighbours)
    real, fake = real.double(), fake.double()
    balls = torch.zeros(len(fake), dtype=torch.int64)
    covered = recalled = 0
    for block, distances in squared_distances(real, fake):
        inside = distances < real_radii[block, None]
        balls += inside.sum(0)
        covered += int(inside.any(1).sum())
        recalled += int((distances < fake_radii).any(1).sum())
    return ManifoldOverlap(
        precision=float((balls > 0).double().mean()),
        recall=recalled / len(real),
        density=float(balls.double().mean()) / neighbours,
        coverage=covered / len(real),
    )


def squared_distances(rows: Tensor, others: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield blocks of rows (n, d), as slices, with their squared Euclidean distances to all others (m, d), at least 0.

    All blocks share one buffer, so a block is overwritten by the next one. With a new buffer for each, whatever the
    caller keeps of a block would pin the allocator's heap between two of them, and memory would grow with their number.
    """
    size = max(_MAX_DISTANCES // len(others), 1)
    buffer = rows.new_empty(min(size, len(rows)), len(others))
    lengths = others.square().sum(1)
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        sums = torch.add(lengths, block.square().sum(1)[:, None], out=buffer[: len(block)])
        yield slice(start, start + size), sums.addmm_(block, others.T, alpha=-2).clamp_(min=0)


def radii(rows: Tensor, neighbours: int) -> Tensor:
    """Return the squared distance of each row (n, d) to its k-th nearest other row, float64 (n,).

    Raises ValueError if there are at most k rows, or a value is not finite.
    """
    if len(rows) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need at least {neighbours + 1} images, got {len(rows)}")
    if not torch.isfinite(rows).all():
        raise ValueError("features contain values that are not finite")
    rows = rows.double()
    result = rows.new_empty(len(rows))
    for block, distances in squared_distances(rows, rows):
        distances.diagonal(block.start).fill_(torch.inf)  # a row is not its own neighbour
        result[block] = distances.topk(neighbours, dim=1, largest=False).values[:, -1]
    return result
