"""What a process of several does by itself; what they do together is tried in `executors/test_torchrun.py`."""

import pytest
import torch

from ganpipe.common import distributed


def drawn(step: int) -> float:
    distributed.seed_this_rank(7, step)
    return float(torch.rand(()))


def test_alone_nothing_changes() -> None:
    assert (distributed.rank(), distributed.size()) == (0, 1)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    distributed.seed_this_rank(7, 3)
    assert torch.equal(torch.get_rng_state(), before)
    scalars = {"loss": torch.tensor(3.0)}
    assert distributed.all_reduce_mean(scalars) == scalars
    assert distributed.broadcast_decision(True, torch.device("cpu")) and not distributed.broadcast_decision(
        False, torch.device("cpu")
    )


def test_a_training_of_several_processes_is_not_begun_by_one() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    distributed.average_gradients(optimizer, 1)
    with pytest.raises(ValueError, match="a training of 2 processes was begun by 1"):
        distributed.average_gradients(optimizer, 2)


def test_noise_follows_from_seed_step_and_rank_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "size", lambda: 3)
    numbers = {}
    for _ in range(2):
        for rank in range(3):
            monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
            for step in range(5):
                number = drawn(step)
                assert numbers.setdefault((rank, step), number) == number
    assert len(set(numbers.values())) == 15
