"""What a process of several does by itself; what they do together is tried in `executors/test_torchrun.py`."""

import pytest
import torch

from ganpipe import parallel


def drawn(step: int) -> float:
    parallel.draw_apart(7, step)
    return float(torch.rand(()))


def test_alone_nothing_changes() -> None:
    assert (parallel.rank(), parallel.size()) == (0, 1)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    parallel.draw_apart(7, 3)
    assert torch.equal(torch.get_rng_state(), before)
    scalars = {"loss": torch.tensor(3.0)}
    assert parallel.averaged(scalars) == scalars
    assert parallel.agreed(True, torch.device("cpu")) and not parallel.agreed(False, torch.device("cpu"))


def test_a_training_of_several_processes_is_not_begun_by_one() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    parallel.average_gradients(optimizer, 1)
    with pytest.raises(ValueError, match="a training of 2 processes was begun by 1"):
        parallel.average_gradients(optimizer, 2)


def test_noise_follows_from_seed_step_and_rank_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "size", lambda: 3)
    numbers = {}
    for _ in range(2):
        for rank in range(3):
            monkeypatch.setattr(parallel, "rank", lambda rank=rank: rank)
            for step in range(5):
                number = drawn(step)
                assert numbers.setdefault((rank, step), number) == number
    assert len(set(numbers.values())) == 15
