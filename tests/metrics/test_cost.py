import torch
from torch import nn

from ganpipe.metrics.cost import multiply_adds, parameters


def test_counts_of_a_small_network_by_hand() -> None:
    network = nn.Sequential(
        nn.Linear(10, 8 * 4 * 4, bias=False), nn.Unflatten(1, (8, 4, 4)), nn.Conv2d(8, 3, 3, padding=1)
    )

    assert parameters(network) == 10 * 128 + 8 * 3 * 9 + 3
    assert multiply_adds(lambda n: network(torch.zeros(n, 10))) == 10 * 128 + 16 * 8 * 3 * 9


def test_every_pass_for_one_image_counts() -> None:
    step = nn.Linear(4, 4)

    def draw(count: int) -> torch.Tensor:
        image = torch.zeros(count, 4)
        for _ in range(10):
            image = step(image)
        return image

    assert multiply_adds(draw) == 10 * 16
