"""Fidelity and variety apart: do samples lie among the real images, and real images among the samples?"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_HELD = 4_000_000  # distances held at once: 32 MB, however many images there are


class ManifoldOverlap(NamedTuple):
    """Shares in [0, 1], but for density, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(real: Tensor, fake: Tensor, neighbours: int, real_radii: Tensor | None = None) -> ManifoldOverlap:
    """Precision, recall, density and coverage of features `fake` (m, d) against `real` (n, d).

    Every row has a ball that reaches to its k-th nearest neighbour in its own set. precision: fakes in a real ball;
    recall: reals in a fake ball (Kynkäänniemi et al., Improved precision and recall metric, 2019, eq. 2 and 3).
    density: real balls around a fake, over k; coverage: real balls that hold a fake (Naeem et al., Reliable fidelity
    and diversity metrics, 2020, eq. 3 and 4). Worked through in blocks of distances. `real_radii` (n,): those of `real`
    where they are known already. Raises ValueError as `radii` does.
    """
    real_radii = radii(real, neighbours) if real_radii is None else real_radii
    fake_radii = radii(fake, neighbours)
    real, fake = real.double(), fake.double()
    balls = torch.zeros(len(fake), dtype=torch.int64)
    covered = recalled = 0
    for some, distances in squared_distances(real, fake):
        inside = distances < real_radii[some, None]
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
    """Squared Euclidean distances, at least 0, of rows (n, d) to all others (m, d): block by block, with their place.

    All blocks lie in one buffer, so each is gone when the next one is asked for. With a new one each time, whatever is
    kept of a block would pin the allocator's heap between two of them, and memory would grow with their number.
    """
    size = max(_HELD // len(others), 1)
    buffer = rows.new_empty(min(size, len(rows)), len(others))
    lengths = others.square().sum(1)
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        sums = torch.add(lengths, block.square().sum(1)[:, None], out=buffer[: len(block)])
        yield slice(start, start + size), sums.addmm_(block, others.T, alpha=-2).clamp_(min=0)


def radii(rows: Tensor, neighbours: int) -> Tensor:
    """Squared distance, float64 (n,), of each row (n, d) to its k-th nearest other row.

    Raises ValueError when there are no more than k rows, or a value is not finite.
    """
    if len(rows) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need at least {neighbours + 1} images, got {len(rows)}")
    if not torch.isfinite(rows).all():
        raise ValueError("features hold values that are not finite")
    rows = rows.double()
    reached = rows.new_empty(len(rows))
    for some, distances in squared_distances(rows, rows):
        distances.diagonal(some.start).fill_(torch.inf)  # a row is no neighbour of its own
        reached[some] = distances.topk(neighbours, dim=1, largest=False).values[:, -1]
    return reached
