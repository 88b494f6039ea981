import torch
from torch import nn

from ganpipe.objectives.clipping import clip_weights


def test_every_parameter_is_clamped_to_the_bound():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 1))
    before = [parameter.clone() for parameter in critic.parameters()]
    clip_weights(critic, 0.1)
    for old, new in zip(before, critic.parameters(), strict=True):
        assert torch.equal(new, old.clamp(-0.1, 0.1))
        assert new.requires_grad
