"""What the families have in common whose network turns noise into images in several steps: diffusion and flow."""

from typing import Any

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.sampling.description import Description


def describe_denoiser(
    training: Training, image: ImageShape, classes: int, sampler: str, sampling: dict[str, Any]
) -> Description:
    """Return the description of a denoiser: its latent vector is the noise of a whole image.

    classes: 0 if it is unconditional. sampler, sampling: module in `ganpipe.sampling.samplers`, and its arguments.
    """
    return Description(
        network=training.network,
        options=training.generator,
        latent=image.channels * image.size**2,
        classes=classes,
        channels=image.channels,
        size=image.size,
        range="signed",
        sampler=sampler,
        sampling=sampling,
    )
