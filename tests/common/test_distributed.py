"""What one process of a group does on its own; collective operations are tested in `executors/test_torchrun.py`."""

import pytest
import torch

from ganpipe.common import distributed


def draw(step: int) -> float:
    distributed.seed_this_rank(7, step)
    return float(torch.rand(()))


def test_single_process_is_left_unchanged() -> None:
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    distributed.seed_this_rank(7, 3)
    assert torch.equal(torch.get_rng_state(), before)
    scalars = {"loss": torch.tensor(3.0)}
    assert distributed.all_reduce_mean(scalars) == scalars
    for decision in (True, False):
        assert distributed.broadcast_decision(decision, torch.device("cpu")) is decision


def test_wrong_number_of_processes_is_rejected() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    distributed.average_gradients(optimizer, 1)
    with pytest.raises(ValueError, match="the settings require 2 processes, but the group has 1"):
        distributed.average_gradients(optimizer, 2)


def test_noise_depends_on_seed_step_and_rank_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "world_size", lambda: 3)
    numbers = {}
    for _ in range(2):
        for rank in range(3):
            monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
            for step in range(5):
                number = draw(step)
                assert numbers.setdefault((rank, step), number) == number
    assert len(set(numbers.values())) == 15
