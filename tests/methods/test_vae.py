"""The likelihood of the VAE's decoder, also where its tanh output is exactly -1 or 1."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.config import Precision
from ganpipe.methods.common import precision
from ganpipe.methods.common.train_state import build_train_state
from ganpipe.methods.vae import Vae
from ganpipe.nets.layers import TanhGenerator
from tests.methods.families import training
from tests.methods.test_methods import CPU, build

PIXELS = 28 * 28


class ConstantDecoder(TanhGenerator):
    """Decoder whose pixels are all tanh(u), whatever the latent."""

    def __init__(self, u: float) -> None:
        super().__init__()
        self.layer = nn.Linear(6, PIXELS)
        nn.init.zeros_(self.layer.weight)
        nn.init.constant_(self.layer.bias, u)

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.layer(z).view(-1, 1, 28, 28)
        return images


def test_a_decoder_without_pre_tanh_raises() -> None:
    method = build("vae")
    assert isinstance(method, Vae)
    state = build_train_state(training("vae"), nn.Linear(6, PIXELS), CPU)
    with pytest.raises(TypeError, match="decoder: Linear is not a TanhGenerator"):
        Vae(method.encoder, state, method.description())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("u", [-40.0, -10.0, -4.0, 0.5, 4.0, 10.0, 40.0])
@pytest.mark.parametrize("target", [-1.0, 1.0])
def test_likelihood_and_gradient_are_exact_for_saturated_pixels(
    target: float, u: float, dtype: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "BFLOAT16_DEVICES", frozenset({"cpu"}))
    plain_sgd = {"optimizer": "sgd", "lr": float(PIXELS), "betas": [0.0, 0.0], "ema": None, "lowering": False}
    method = build("vae", precision=dtype, **plain_sgd)
    assert isinstance(method, Vae)
    decoder = ConstantDecoder(u)
    state = build_train_state(training("vae", precision=dtype, **plain_sgd), decoder, CPU)
    loss = Vae(method.encoder, state, method.description()).step(torch.full((2, 1, 28, 28), target), None)

    logit = torch.tensor(2 * u, dtype=torch.float64, requires_grad=True)  # tanh(u) = 2 sigmoid(2u) - 1
    expected = F.softplus(-target * logit)
    (gradient,) = torch.autograd.grad(expected, logit)
    assert loss["reconstruction"].item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    update = u - decoder.layer.bias.detach()  # learning rate times the mean over the pixels
    torch.testing.assert_close(update, torch.full_like(update, 2 * gradient.item()), rtol=5e-3, atol=1e-5)
