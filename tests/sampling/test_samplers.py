import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.objectives.diffusion import cosine_schedule, ddim_times
from ganpipe.objectives.ode import integrate
from ganpipe.sampling.description import Description
from ganpipe.sampling.samplers.ddim import Ddim
from ganpipe.sampling.samplers.edm import EdmSampler
from ganpipe.sampling.samplers.flow import FlowSampler
from ganpipe.sampling.samplers.per_class import PerClass

NOISE_LEVELS = {"sigma_data": 0.5, "sigma_min": 0.002, "sigma_max": 80.0, "rho": 7.0}
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
    "edm": Description(
        "patches",
        {"width": 4},
        64,
        3,
        1,
        8,
        "signed",
        sampler="edm",
        sampling={"evaluations": 3, "solver": "heun", "guidance": 2.0, **NOISE_LEVELS},
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


class GaussianNetwork(nn.Module):
    """The network F of the ideal denoiser D(x; sigma) = s^2 / (s^2 + sigma^2) x of images with pixels from N(0, s^2).

    If s is the sigma_data of the preconditioning, D = c_skip x, so F = 0; F is solved for another s.
    """

    def __init__(self, deviation: float, sigma_data: float) -> None:
        super().__init__()
        self.deviation, self.sigma_data = deviation, sigma_data

    def forward(self, scaled: Tensor, times: Tensor, labels: Tensor | None) -> Tensor:
        sigma = (4 * times / 1000).exp().view(-1, 1, 1, 1)
        spread = (sigma**2 + self.sigma_data**2).sqrt()
        x = scaled * spread
        denoised = self.deviation**2 / (self.deviation**2 + sigma**2) * x
        return (denoised - self.sigma_data**2 / spread**2 * x) / (sigma * self.sigma_data / spread)


def gaussian_sampler(evaluations: int, solver: str, **changes: float) -> EdmSampler:
    network = GaussianNetwork(deviation=0.2, sigma_data=0.5)
    levels = NOISE_LEVELS | changes
    return EdmSampler(network, ImageShape(1, 4), 0, evaluations=evaluations, solver=solver, guidance=1.0, **levels)


def test_an_ideal_denoiser_of_gaussian_images_generates_their_variance() -> None:
    torch.manual_seed(0)
    images = gaussian_sampler(99, "heun")(torch.randn(5_000, 16))
    assert images.mean().item() == pytest.approx(0, abs=0.003)
    assert images.std().item() == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize(("solver", "each", "order"), [("euler", 1, 1), ("heun", 2, 2)])
def test_the_error_of_edm_falls_with_the_order_of_the_solver(solver: str, each: int, order: int) -> None:
    """The exact image of noise z is z sigma_max s / sqrt(s^2 + sigma_max^2)."""
    z = torch.tensor([[0.3, -0.5, 1.0, 0.1] * 4], dtype=torch.float64)
    exact = z * 80.0 * 0.2 / math.sqrt(0.2**2 + 80.0**2)
    errors = []
    for steps in (20, 40, 80, 160):  # and one from sigma_min to 0
        images = gaussian_sampler(each * steps + 1, solver, sigma_min=1e-4)(z)
        errors.append((images.flatten(1) - exact).abs().max().item())
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.15)


class LabelledDenoiser(nn.Module):
    """A network F that depends on the image and the label; counts its evaluations and their sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        self.sizes.append(len(x))
        return torch.tanh(x * (1 + labels.view(-1, 1, 1, 1)))


def labelled_edm(guidance: float) -> EdmSampler:
    return EdmSampler(LabelledDenoiser(), ImageShape(1, 2), 3, 5, "heun", guidance, **NOISE_LEVELS)


def test_guidance_one_equals_no_guidance_for_edm() -> None:
    noise, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    guided, almost = labelled_edm(1.0), labelled_edm(1.0 + 1e-7)
    images = guided(noise, labels)
    one_by_one = [labelled_edm(1.0)(z[None], label[None]) for z, label in zip(noise, labels, strict=True)]
    torch.testing.assert_close(images, torch.cat(one_by_one))
    torch.testing.assert_close(almost(noise, labels), images)
    assert guided.network.sizes == [5] * 5 and almost.network.sizes == [10] * 5
    assert (labelled_edm(2.0)(noise, labels) - images).abs().max() > 1e-3


def test_heun_steps_of_edm_equal_algorithm_1() -> None:
    noise, levels = (
        torch.randn(3, 4, dtype=torch.float64),
        [80.0, (80 ** (1 / 7) / 2 + 0.002 ** (1 / 7) / 2) ** 7, 0.002],
    )
    x = 80.0 * noise.view(-1, 1, 2, 2)
    labels = torch.tensor([0, 1, 2])

    def denoised(x: Tensor, sigma: float) -> Tensor:
        spread = math.sqrt(sigma**2 + 0.25)
        return 0.25 / spread**2 * x + 0.5 * sigma / spread * LabelledDenoiser()(x / spread, x, labels)

    for sigma, following in pairwise([*levels, 0.0]):
        slope = (x - denoised(x, sigma)) / sigma
        moved = x + (following - sigma) * slope
        if following:
            slope = (slope + (moved - denoised(moved, following)) / following) / 2
            moved = x + (following - sigma) * slope
        x = moved
    torch.testing.assert_close(labelled_edm(1.0)(noise, labels), x.clamp(-1, 1))


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


@pytest.mark.parametrize(
    "changes",
    [{"sigma_min": 0.0}, {"sigma_min": 80.0}, {"sigma_max": 1e5}, {"sigma_data": math.nan}, {"rho": 1e-3}],
)
def test_impossible_noise_levels_are_rejected(changes: dict[str, Any]) -> None:
    values = vars(DESCRIPTIONS["edm"])
    with pytest.raises(ValueError, match="noise levels"):
        Description(**values | {"sampling": values["sampling"] | changes}).build()
