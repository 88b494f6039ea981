"""The eight Gaussians: counting against plain loops, collapsed points, and a short training."""

import math
import runpy
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def ring() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(REPOSITORY / "benchmarks" / "ring.py")))


def counted(points: list[tuple[float, float]]) -> tuple[int, float, float]:
    """Modes, share of high quality and divergence, by the definitions and one point at a time."""
    found, nearest, good = set(), Counter[int](), 0
    for x, y in points:
        distances = [math.hypot(x - math.cos(k * math.pi / 4), y - math.sin(k * math.pi / 4)) for k in range(8)]
        mode = min(range(8), key=distances.__getitem__)
        nearest[mode] += 1
        if distances[mode] <= 0.03:
            found.add(mode)
            good += 1
    shares = [count / len(points) for count in nearest.values()]
    return len(found), good / len(points), sum(share * math.log(8 * share) for share in shares)


def test_coverage_equals_plain_counting(ring: SimpleNamespace) -> None:
    random = np.random.default_rng(0)
    points = ring.draw_ring(300, random) + 0.02 * random.standard_normal((300, 2))
    points = points[points[:, 0] > -0.5]  # three modes are lost
    expected = counted(points.tolist())
    assert expected[0] == 5 and 0.1 < expected[1] < 0.9
    assert ring.measure_coverage(points) == pytest.approx(expected)


def test_data_covers_the_ring_with_the_share_of_a_normal_distribution(ring: SimpleNamespace) -> None:
    found = ring.measure_coverage(ring.draw_ring(20_000, np.random.default_rng(0)))
    assert found.modes == 8
    assert found.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.003)  # two dimensions, three deviations
    assert found.divergence < 0.001


def test_collapsed_points_fail(ring: SimpleNamespace) -> None:
    one = ring.measure_coverage(np.tile([[1.0, 0.0]], (50, 1)))
    assert one == pytest.approx((1, 1, math.log(8)))
    middle = ring.measure_coverage(np.random.default_rng(0).standard_normal((50, 2)) * 0.01)
    assert middle[:2] == (0, 0)


def test_training_depends_on_recipe_and_seed_only(ring: SimpleNamespace) -> None:
    first = ring.train({}, 20, 0)
    assert first.shape == (2500, 2)
    assert np.abs(first).max() <= ring.SCALE
    assert np.array_equal(first, ring.train({}, 20, 0))
    others = [ring.train({}, 20, 1), *(ring.train(recipe, 20, 0) for recipe in ring.RECIPES.values() if recipe)]
    assert not any(np.array_equal(first, other) for other in others)
