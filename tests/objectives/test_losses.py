"""Losses against hand calculation: the sigmoids of the logits are simple fractions."""

import math
from inspect import signature

import pytest
import torch

from ganpipe.objectives import losses
from ganpipe.objectives.objective import Smoothing

LOG = math.log
REAL = torch.tensor([LOG(3), LOG(1)], dtype=torch.float64)  # sigmoids 3/4, 1/2
FAKE = torch.tensor([LOG(1 / 3), LOG(4)], dtype=torch.float64)  # sigmoids 1/4, 4/5
PLAIN = Smoothing()
BOTH = Smoothing(real=0.9, fake=0.2)

D_BCE = -(LOG(3 / 4) + LOG(1 / 2)) / 2 - (LOG(3 / 4) + LOG(1 / 5)) / 2
D_BCE_SMOOTH = (
    -(0.9 * LOG(3 / 4) + 0.1 * LOG(1 / 4) + LOG(1 / 2)) / 2
    - (0.2 * LOG(1 / 4) + 0.8 * LOG(3 / 4) + 0.2 * LOG(4 / 5) + 0.8 * LOG(1 / 5)) / 2
)
D_SQUARES = ((LOG(3) - 1) ** 2 + 1) / 2 + (LOG(3) ** 2 + LOG(4) ** 2) / 2
D_SQUARES_SMOOTH = ((LOG(3) - 0.9) ** 2 + 0.81) / 2 + ((LOG(3) + 0.2) ** 2 + (LOG(4) - 0.2) ** 2) / 2
# Differences of logits D(x) - D(G(z)): log 9 and -log 4, with sigmoids 9/10 and 1/5.
CASES = [
    (losses.bce(PLAIN), D_BCE, -(LOG(1 / 4) + LOG(4 / 5)) / 2),
    (losses.bce(BOTH), D_BCE_SMOOTH, -(LOG(1 / 4) + LOG(4 / 5)) / 2),
    (losses.sigmoid_bce(), D_BCE, -(LOG(1 / 4) + LOG(4 / 5)) / 2),
    (losses.minimax_bce(PLAIN), D_BCE, (LOG(3 / 4) + LOG(1 / 5)) / 2),
    (losses.minimax_bce(BOTH), D_BCE_SMOOTH, (LOG(3 / 4) + LOG(1 / 5)) / 2),
    (losses.least_squares(PLAIN), D_SQUARES, ((LOG(3) + 1) ** 2 + (LOG(4) - 1) ** 2) / 2),
    (losses.least_squares(BOTH), D_SQUARES_SMOOTH, ((LOG(3) + 1) ** 2 + (LOG(4) - 1) ** 2) / 2),
    (losses.wasserstein(), (LOG(4) - LOG(3)) / 2 - LOG(3) / 2, (LOG(3) - LOG(4)) / 2),
    (losses.hinge(), 1 / 2 + (1 + LOG(4)) / 2, (LOG(3) - LOG(4)) / 2),
    (losses.relativistic(), -(LOG(9 / 10) + LOG(1 / 5)) / 2, -(LOG(1 / 10) + LOG(4 / 5)) / 2),
]


@pytest.mark.parametrize(("objective", "loss_d", "loss_g"), CASES)
def test_losses_equal_hand_calculation(objective, loss_d, loss_g):
    assert objective.discriminator(REAL, FAKE).item() == pytest.approx(loss_d)
    assert objective.generator(FAKE, REAL).item() == pytest.approx(loss_g)


@pytest.mark.parametrize("objective", [case[0] for case in CASES])
def test_gradients_have_the_right_sign(objective):
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    objective.discriminator(real, fake).backward()
    assert (real.grad[1] < 0) and (fake.grad[1] > 0)
    fake.grad = None
    objective.generator(fake, REAL).backward()
    assert fake.grad[0] < 0


@pytest.mark.parametrize("objective", [case[0] for case in CASES])
def test_the_generator_loss_depends_on_real_logits_only_if_paired(objective):
    other = objective.generator(FAKE, REAL + torch.tensor([1.0, -3.0]))
    assert torch.equal(other, objective.generator(FAKE, REAL)) != objective.paired


@pytest.mark.parametrize("objective", [case[0] for case in CASES])
def test_losses_stay_finite_for_huge_logits(objective):
    logits = torch.tensor([-1e4, 1e4], requires_grad=True)
    loss = objective.discriminator(logits, logits.flip(0)) + objective.generator(logits.flip(0), logits)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_score_and_boundary_of_a_loss():
    torch.testing.assert_close(losses.bce(PLAIN).score(REAL), torch.tensor([3 / 4, 1 / 2], dtype=torch.float64))
    assert losses.bce(PLAIN).boundary == 0
    assert losses.least_squares(PLAIN).score(REAL) is REAL
    assert losses.least_squares(PLAIN).boundary == 0.5


def test_only_cross_entropy_saturates():
    """The others have a generator gradient of at least 1 per logit for images that D rejects with a large margin."""
    saturating = {losses.bce, losses.sigmoid_bce, losses.minimax_bce}
    for name, build in public_losses().items():
        objective = build(PLAIN) if "smoothing" in signature(build).parameters else build()
        assert objective.saturates == (build in saturating), name
        if not objective.saturates:
            fake = torch.tensor([-20.0], requires_grad=True)
            objective.generator(fake, torch.tensor([20.0])).backward()
            assert fake.grad.item() <= -1, name


def public_losses():
    return {
        name: f
        for name, f in vars(losses).items()
        if getattr(f, "__module__", "") == losses.__name__ and name[0] != "_"
    }


def test_losses_with_targets_can_be_smoothed():
    smoothed = {name for name, f in public_losses().items() if "smoothing" in signature(f).parameters}
    assert smoothed == {"bce", "minimax_bce", "least_squares"}
