import subprocess
import sys
from pathlib import Path

import pytest
import torch
from prdc import compute_prdc

from ganpipe.metrics import manifold
from ganpipe.metrics.manifold import overlap


def features(count: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)) + shift


MEASURED = """
import sys
from pathlib import Path
import torch
from ganpipe.metrics import manifold
from ganpipe.common.process import keep_memory

def status(field):
    return int(Path("/proc/self/status").read_text().split(field)[1].split()[0]) // 1024

keep_memory()  # as in a stage
manifold._HELD = 500_000  # small blocks, and so many of them
random = torch.Generator().manual_seed(0)
real, fake = (torch.randn(count, 16, generator=random) for count in (200, int(sys.argv[1])))
before = status("VmRSS:")
manifold.overlap(real, fake, 5)
print(status("VmHWM:") - before)
"""
"""Prints how many MB the overlap of so many fakes adds to what the process held."""


def added(fakes: int) -> int:
    done = subprocess.run([sys.executable, "-c", MEASURED, str(fakes)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
def test_four_times_the_samples_take_hardly_more_memory() -> None:
    assert added(8_000) < added(2_000) + 80


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize("counts", [(700, 900), (900, 300), (20, 600)])
@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_agrees_with_prdc(counts: tuple[int, int], shift: float, neighbours: int) -> None:
    real, fake = features(counts[0], 0).double(), features(counts[1], 1, shift).double()

    expected = compute_prdc(real.numpy(), fake.numpy(), neighbours)

    assert overlap(real, fake, neighbours)._asdict() == pytest.approx(expected, rel=1e-12)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = features(230, 0), features(170, 1, 0.3)
    whole = overlap(real, fake, 5)

    monkeypatch.setattr(manifold, "_HELD", 1500)

    assert overlap(real, fake, 5) == whole


def test_known_radii_are_taken_as_they_are() -> None:
    real, fake = features(230, 0), features(170, 1, 0.3)
    known = manifold.radii(real, 5)

    assert overlap(real, fake, 5, known) == overlap(real, fake, 5)
    assert overlap(real, fake, 5, known * 0).precision == 0


def test_one_repeated_sample_is_precise_and_recalls_nothing() -> None:
    real = features(300, 0)

    result = overlap(real, real[:1].repeat(300, 1), 5)

    assert result.precision == 1
    assert result.recall == 0


def test_constant_sets_have_empty_balls() -> None:
    same = torch.ones(50, 3)

    assert overlap(same, same, 5) == (0, 0, 0, 0)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        overlap(features(50, 0), features(5, 1), 5)


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        overlap(features(50, 0), features(50, 1) * float("inf"), 5)
