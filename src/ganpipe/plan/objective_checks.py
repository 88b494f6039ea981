"""Combinations of losses, penalties and networks that cannot work, each with the reason and the cure."""

from collections.abc import Iterator

from ganpipe.plan.problems import ConfigError, unknown
from ganpipe.plan.resolve import Entry
from ganpipe.source.index import Index

NO_PENALTY = "none"


def check_objective(entry: Entry, index: Index) -> Iterator[ConfigError]:
    """Names that do not exist, and what the mathematics of an objective forbids."""
    settings = entry.settings
    losses = index.functions("objectives.losses")
    penalties = [NO_PENALTY, *index.functions("objectives.penalties")]
    yield from unknown(entry.place(("loss",)), [settings.loss], "loss", losses)
    yield from unknown(entry.place(("penalty",)), [settings.penalty], "penalty", penalties)
    policies = index.functions("objectives.augment")
    yield from unknown(entry.place(("augment",)), settings.augment, "augmentation", policies)
    smoothed = (settings.smooth_real, settings.smooth_fake) != (1.0, 0.0)
    if smoothed and settings.loss in losses and not losses[settings.loss].args.args:
        problem = f"the loss {settings.loss} has no targets to smooth; set smooth_real: 1.0 and smooth_fake: 0.0"
        yield ConfigError(entry.place(("smooth_real",)), settings.smooth_real, problem)
    yield from _check_critic(entry)
    if settings.sampling_steps > settings.noise_steps:
        problem = f"sampling cannot take more steps than noise_steps = {settings.noise_steps}; lower it"
        yield ConfigError(entry.place(("sampling_steps",)), settings.sampling_steps, problem)


def _check_critic(entry: Entry) -> Iterator[ConfigError]:
    """What a critic must be, and must not be, for its loss and its penalty."""
    settings, norm = entry.settings, entry.settings.discriminator.get("norm")
    if settings.penalty != NO_PENALTY and norm == "batch":
        problem = (
            f"the penalty {settings.penalty} needs the gradient of each image alone, but BatchNorm mixes the images of "
            "a batch; set discriminator.norm: instance, spectral or none"
        )
        yield ConfigError(entry.place(("penalty",)), settings.penalty, problem)
    if settings.penalty == NO_PENALTY and "penalty_weight" in entry.own:
        problem = "there is no penalty to weigh; set penalty, or take penalty_weight out"
        yield ConfigError(entry.place(("penalty_weight",)), settings.penalty_weight, problem)
    bounded = settings.penalty != NO_PENALTY or settings.clip is not None or norm == "spectral"
    if settings.loss == "wasserstein" and not bounded:
        problem = (
            "nothing bounds how steep the critic is, so the loss has no minimum; set penalty: gradient_penalty (and "
            "discriminator.norm other than batch), or clip: 0.01, or discriminator.norm: spectral"
        )
        yield ConfigError(entry.place(("loss",)), settings.loss, problem)
