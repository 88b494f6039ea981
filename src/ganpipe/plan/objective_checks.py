"""Checks of losses, penalties and networks: combinations that cannot work are rejected with the reason."""

from collections.abc import Iterator

from ganpipe.common.schedule import AdaptiveAugmentation
from ganpipe.plan.problems import ConfigProblem, unknown_names
from ganpipe.plan.resolve import ResolvedExperiment
from ganpipe.source.index import Index

NO_PENALTY = "none"
WITHOUT_DECISION = frozenset({"relativistic", "wasserstein"})
"""Losses that only train differences of logits: the sign of one logit says nothing about real or generated."""


def check_objective(experiment: ResolvedExperiment, index: Index) -> Iterator[ConfigProblem]:
    """Check the names in an objective, and the mathematical requirements of its parts."""
    settings, location = experiment.settings, experiment.location
    losses = index.functions("objectives.losses")
    penalties = [NO_PENALTY, *index.functions("objectives.penalties")]
    yield from unknown_names(location("loss"), [settings.loss], "loss", losses)
    yield from unknown_names(location("penalty"), [settings.penalty], "penalty", penalties)
    policies = index.functions("objectives.augment")
    yield from unknown_names(location("augment"), settings.augment, "augmentation", policies)
    smoothed = (settings.smooth_real, settings.smooth_fake) != (1.0, 0.0)
    if smoothed and settings.loss in losses and not losses[settings.loss].args.args:
        problem = f"the loss {settings.loss} has no targets to smooth. Set smooth_real: 1.0 and smooth_fake: 0.0."
        yield ConfigProblem(location("smooth_real"), settings.smooth_real, problem)
    yield from _check_critic(experiment)
    yield from _check_augmentation(experiment)
    yield from _check_guidance(experiment)
    yield from _check_noise_levels(experiment)
    if settings.method == "diffusion" and settings.sampling_steps > settings.noise_steps:
        problem = f"more steps than noise_steps = {settings.noise_steps}. Lower it."
        yield ConfigProblem(location("sampling_steps"), settings.sampling_steps, problem)


def _check_guidance(experiment: ResolvedExperiment) -> Iterator[ConfigProblem]:
    """Check that guidance has labels to follow, and a network that was also trained without them."""
    settings, location = experiment.settings, experiment.location
    for key in ("guidance", "label_dropout"):
        if key in experiment.overrides and not settings.conditional:
            problem = f"no effect without labels. Set conditional: true, or remove {key}."
            yield ConfigProblem(location(key), getattr(settings, key), problem)
    if settings.conditional and settings.guidance != 1 and settings.label_dropout == 0:
        problem = "needs a network that was also trained without labels. Set label_dropout: 0.1."
        yield ConfigProblem(location("guidance"), settings.guidance, problem)


def _check_noise_levels(experiment: ResolvedExperiment) -> Iterator[ConfigProblem]:
    """Check that the noise levels of EDM fall."""
    settings, location = experiment.settings, experiment.location
    if settings.method == "edm" and settings.sigma_min >= settings.sigma_max:
        problem = f"not below sigma_max = {settings.sigma_max}. Lower it, or raise sigma_max."
        yield ConfigProblem(location("sigma_min"), settings.sigma_min, problem)


def _check_critic(experiment: ResolvedExperiment) -> Iterator[ConfigProblem]:
    """Check what a loss and a penalty require of the discriminator."""
    settings, location = experiment.settings, experiment.location
    norm = settings.discriminator.get("norm")
    if settings.penalty != NO_PENALTY and norm == "batch":
        problem = (
            f"the penalty {settings.penalty} needs the gradient for each image separately, but batch normalisation "
            "mixes the images of a batch. Set discriminator.norm to instance, spectral or none."
        )
        yield ConfigProblem(location("penalty"), settings.penalty, problem)
    for key in ("penalty_weight", "penalty_every"):
        if settings.penalty == NO_PENALTY and key in experiment.overrides:
            problem = f"no effect without a penalty. Set penalty, or remove {key}."
            yield ConfigProblem(location(key), getattr(settings, key), problem)
    bounded = settings.penalty != NO_PENALTY or settings.clip is not None or norm == "spectral"
    if settings.loss == "wasserstein" and not bounded:
        problem = (
            "nothing bounds the critic's Lipschitz constant, so the loss has no minimum. Set penalty: gradient_penalty "
            "(with a discriminator.norm other than batch), clip: 0.01 or discriminator.norm: spectral."
        )
        yield ConfigProblem(location("loss"), settings.loss, problem)


def _check_augmentation(experiment: ResolvedExperiment) -> Iterator[ConfigProblem]:
    """Check that a probability of augmentation has something to apply to and, if adaptive, something to adapt to."""
    settings, location = experiment.settings, experiment.location("augment_probability")
    if "augment_probability" in experiment.overrides and not settings.augment:
        problem = "no effect without augmentations. Set augment, or remove augment_probability."
        yield ConfigProblem(location, None, problem)
    if isinstance(settings.augment_probability, AdaptiveAugmentation) and settings.loss in WITHOUT_DECISION:
        problem = (
            f"adapts to the sign of the discriminator's logits, which has no meaning with the loss {settings.loss}. "
            "Use a number or a schedule, or another loss."
        )
        yield ConfigProblem(location, None, problem)
