from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.objectives.diffusion import cosine_schedule, ddim_times
from ganpipe.objectives.ode import integrate
from ganpipe.sampling.description import Description
from ganpipe.sampling.samplers.ddim import Ddim
from ganpipe.sampling.samplers.flow import FlowSampler
from ganpipe.sampling.samplers.per_class import PerClass

DESCRIPTIONS = {
    "latent": Description("dcgan", {"width": 4}, 4, 0, 1, 28, "signed"),
    "per_class": Description("mlp", {}, 4, 3, 1, 8, "signed", sampler="per_class"),
    "ddim": Description(
        "unet", {"width": 4}, 64, 0, 1, 8, "signed", sampler="ddim", sampling={"noise_steps": 10, "steps": 2}
    ),
    "flow": Description(
        "patches",
        {"width": 4},
        64,
        3,
        1,
        8,
        "signed",
        sampler="flow",
        sampling={"evaluations": 3, "solver": "heun", "guidance": 2.0},
    ),
}


@pytest.mark.parametrize("sampler", DESCRIPTIONS)
def test_samplers_map_noise_to_images(sampler: str) -> None:
    description = DESCRIPTIONS[sampler]
    labels = torch.tensor([2, 0, 1, 2, 0]) if description.classes else None
    with torch.no_grad():
        images = description.build().eval()(torch.randn(5, description.latent), labels)
    assert images.shape == (5, *description.image[:1], description.size, description.size)


class ExactDenoiser(nn.Module):
    """Predicts the noise exactly, for data that consist of one constant image."""

    def __init__(self, value: float, noise_steps: int) -> None:
        super().__init__()
        self.value, self.signal = value, cosine_schedule(noise_steps).float()

    def forward(self, images: Tensor, times: Tensor, labels: Tensor | None) -> Tensor:
        signal = self.signal[times].view(-1, 1, 1, 1)
        return (images - signal.sqrt() * self.value) / (1 - signal).sqrt()


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_ddim_with_an_exact_denoiser_generates_the_data(steps: int) -> None:
    sampler = Ddim(ExactDenoiser(0.3, 10), ImageShape(1, 4), noise_steps=10, steps=steps)
    images = sampler(torch.randn(6, 16))
    torch.testing.assert_close(images, torch.full((6, 1, 4, 4), 0.3), atol=1e-4, rtol=0)


def test_ddim_evaluates_the_denoiser_at_decreasing_times() -> None:
    times = ddim_times(10, 4)
    assert len(times) == 4
    assert all(first > second for first, second in pairwise(times))


class LabelledVelocity(nn.Module):
    """A velocity that depends on the image, the time and the label; counts its evaluations and their sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        self.sizes.append(len(x))
        return 0.1 * x * (1 + labels.view(-1, 1, 1, 1)) + 1e-4 * times.view(-1, 1, 1, 1)


def flow_sampler(guidance: float, solver: str = "heun") -> FlowSampler:
    return FlowSampler(LabelledVelocity(), ImageShape(1, 2), 3, evaluations=4, solver=solver, guidance=guidance)


def test_guidance_one_equals_no_guidance() -> None:
    noise, labels = 0.3 * torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    guided, almost = flow_sampler(1.0), flow_sampler(1.0 + 1e-7)
    images = guided(noise, labels)
    plain = integrate(
        lambda x, t: guided.network(x, torch.full((5,), 1000 * t), labels), noise.view(-1, 1, 2, 2), 4, "heun"
    )
    assert torch.equal(images, plain)
    torch.testing.assert_close(almost(noise, labels), images)
    assert guided.network.sizes == [5] * 8 and almost.network.sizes == [10] * 4


def test_guidance_moves_away_from_the_unconditional_velocity() -> None:
    noise, labels = 0.3 * torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    expected = noise.clone()
    for image, label in zip(expected, labels.tolist(), strict=True):
        for step in range(4):
            time = 1 - step / 4
            without, conditional = 0.1 * image * 4 + 0.1 * time, 0.1 * image * (1 + label) + 0.1 * time
            image -= (without + 2.5 * (conditional - without)) / 4
    images = flow_sampler(2.5, "euler")(noise, labels)
    torch.testing.assert_close(images.flatten(1), expected.clamp(-1, 1))


class Constant(nn.Module):
    """A generator whose images all have one value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, z: Tensor) -> Tensor:
        return torch.full((len(z), 1, 2, 2), self.value) + z[:, :1].view(-1, 1, 1, 1)


def test_each_image_comes_from_the_generator_of_its_class() -> None:
    labels = torch.tensor([2, 0, 2, 1, 0])
    noise = torch.arange(5).view(5, 1) / 10
    images = PerClass([Constant(0), Constant(1), Constant(2)])(noise, labels)
    torch.testing.assert_close(images[:, 0, 0, 0], labels + noise[:, 0])


@pytest.mark.parametrize(
    "changes",
    [{"latent": 0}, {"channels": 2.0}, {"size": 100_000}, {"classes": True}, {"sampler": "os.path"}, {"sampler": ""}],
)
def test_a_malformed_description_is_rejected(changes: dict[str, object]) -> None:
    values = vars(DESCRIPTIONS["latent"]) | changes
    with pytest.raises(ValueError, match=next(iter(changes))):
        Description(**values).build()


def test_a_sampler_with_too_many_steps_is_rejected() -> None:
    values = vars(DESCRIPTIONS["ddim"]) | {"sampling": {"noise_steps": 10, "steps": 1 << 30}}
    with pytest.raises(ValueError, match="at most"):
        Description(**values).build()
