"""Labels of a training with guidance."""

import pytest
import torch

from ganpipe.methods.common.denoisers import training_labels


def test_labels_are_dropped_with_the_probability() -> None:
    torch.manual_seed(0)
    labels = torch.arange(10_000) % 3
    dropped = training_labels(labels, 3, 0.2)
    assert dropped is not None
    assert (dropped == 3).float().mean().item() == pytest.approx(0.2, abs=0.015)
    assert torch.equal(dropped[dropped < 3], labels[dropped < 3])
    kept = training_labels(labels, 3, 0.0)
    assert kept is not None and torch.equal(kept, labels)


def test_an_unconditional_network_gets_no_labels() -> None:
    assert training_labels(torch.arange(3), 0, 0.2) is None
