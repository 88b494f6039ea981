"""Paths, times and pairs against slow implementations."""

import math
from itertools import permutations

import pytest
import torch

from ganpipe.objectives.flow import interpolate, logit_normal_times, pair_optimally


def test_paths_are_straight_from_the_image_to_the_noise():
    torch.manual_seed(0)
    images, noise = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    between = interpolate(images, noise, torch.tensor([0.0, 1.0, 0.25]))
    assert torch.equal(between[0], images[0])
    assert torch.equal(between[1], noise[1])
    for pixel, image, z in zip(between[2].flatten(), images[2].flatten(), noise[2].flatten(), strict=True):
        assert pixel.item() == pytest.approx(image.item() + 0.25 * (z.item() - image.item()), abs=1e-6)


def test_the_logits_of_the_times_are_standard_normal():
    torch.manual_seed(0)
    times = logit_normal_times(torch.empty(20_000, 1))
    assert ((times > 0) & (times < 1)).all()
    logits = [math.log(t / (1 - t)) for t in times.double().tolist()]
    assert sum(logits) / len(logits) == pytest.approx(0, abs=0.03)
    for level, share in ((-1, 0.1587), (0.5, 0.6915), (2, 0.9772)):
        assert sum(logit < level for logit in logits) / len(logits) == pytest.approx(share, abs=0.01)


def test_no_other_pairs_are_shorter():
    torch.manual_seed(0)
    images, noise = torch.randn(6, 1, 2, 2), torch.randn(6, 1, 2, 2)

    def length(order):
        return sum(((images[n] - noise[m]) ** 2).sum().item() for n, m in enumerate(order))

    shortest = min(permutations(range(6)), key=length)
    assert shortest != tuple(range(6))
    assert torch.equal(pair_optimally(images, noise), noise[list(shortest)])
