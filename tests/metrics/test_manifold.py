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


MEMORY_PROGRAM = """
import sys
from pathlib import Path
import torch
from ganpipe.metrics import manifold
from ganpipe.common.process import tune_allocator

def status(field):
    return int(Path("/proc/self/status").read_text().split(field)[1].split()[0]) // 1024

tune_allocator()  # as in a stage
manifold._MAX_DISTANCES = 500_000  # small blocks, and so many of them
random = torch.Generator().manual_seed(0)
real, fake = (torch.randn(count, 16, generator=random) for count in (200, int(sys.argv[1])))
before = status("VmRSS:")
manifold.overlap(real, fake, 5)
print(status("VmHWM:") - before)
"""
"""Prints how many MB of memory the overlap of the given number of fakes adds to the process."""


def added_megabytes(fakes: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_PROGRAM, str(fakes)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc of Linux")
def test_memory_does_not_grow_with_the_number_of_samples() -> None:
    assert added_megabytes(8_000) < added_megabytes(2_000) + 80


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

    monkeypatch.setattr(manifold, "_MAX_DISTANCES", 1500)

    assert overlap(real, fake, 5) == whole


def test_known_radii_are_used_unchanged() -> None:
    real, fake = features(230, 0), features(170, 1, 0.3)
    known = manifold.radii(real, 5)

    assert overlap(real, fake, 5, known) == overlap(real, fake, 5)
    assert overlap(real, fake, 5, known * 0).precision == 0


def test_one_repeated_sample_has_precision_one_and_recall_zero() -> None:
    real = features(300, 0)

    result = overlap(real, real[:1].repeat(300, 1), 5)

    assert result.precision == 1
    assert result.recall == 0


def test_constant_sets_have_empty_balls() -> None:
    same = torch.ones(50, 3)

    assert overlap(same, same, 5) == (0, 0, 0, 0)


def test_too_few_rows_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        overlap(features(50, 0), features(5, 1), 5)


def test_non_finite_values_are_rejected() -> None:
    with pytest.raises(ValueError, match="not finite"):
        overlap(features(50, 0), features(50, 1) * float("inf"), 5)
