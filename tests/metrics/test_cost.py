import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ganpipe.common.types import ImageShape
from ganpipe.methods.registry import build_method
from ganpipe.metrics.cost import multiply_adds, parameters
from ganpipe.sampling.generator import cyclic_labels
from tests.methods.families import FAMILIES, training


def test_counts_of_a_small_network_match_a_hand_computation() -> None:
    network = nn.Sequential(
        nn.Linear(10, 8 * 4 * 4, bias=False), nn.Unflatten(1, (8, 4, 4)), nn.Conv2d(8, 3, 3, padding=1)
    )

    assert parameters(network) == 10 * 128 + 8 * 3 * 9 + 3
    assert multiply_adds(lambda n: network(torch.zeros(n, 10))) == 10 * 128 + 16 * 8 * 3 * 9


def test_all_network_passes_for_one_image_are_counted() -> None:
    step = nn.Linear(4, 4)

    def draw(count: int) -> torch.Tensor:
        image = torch.zeros(count, 4)
        for _ in range(10):
            image = step(image)
        return image

    assert multiply_adds(draw) == 10 * 16


@pytest.mark.parametrize("family", FAMILIES)
def test_agrees_with_flop_counter_mode(family: str) -> None:
    model = build_method(training(family), ImageShape(1, 28), 3, torch.device("cpu"))
    description, network = model.description(), model.image_generator().eval()

    def draw(count: int) -> torch.Tensor:
        labels = cyclic_labels(count, description.classes)
        return network(torch.randn(count, description.latent), None if labels is None else torch.from_numpy(labels))

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        draw(1)
    assert multiply_adds(draw) == counter.get_total_flops() // 2 > 0


def test_counting_does_not_import_the_compiler() -> None:
    code = "import sys, torch; from ganpipe.metrics.cost import multiply_adds; "
    code += "print(multiply_adds(lambda n: torch.ones(n, 3) @ torch.ones(3, 2)), 'torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6", "False"]
