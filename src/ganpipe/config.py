"""The settings of `params.yaml`, typed and frozen: what may stand there, and in which range.

This file says what each section holds; `ganpipe.plan` joins the sections into runs and reports mistakes.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ganpipe.common.types import Count, Direction, Fraction, Natural, Positive
from ganpipe.data.settings import DatasetSettings
from ganpipe.metrics.settings import EvaluateSettings, JudgeSettings

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=60)]
"""Names become file names, stage names and MLflow tags, on every operating system."""


class Settings(BaseModel):
    """Base of all sections: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Grid(Settings):
    """What `dvc repro` runs: every experiment with every seed."""

    datasets: Annotated[tuple[Name, ...], Field(min_length=1)]
    experiments: Annotated[tuple[Name, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Natural, ...], Field(min_length=1)] = (0,)


class Budget(Settings):
    """Caps that fit a run to a machine; None lifts a cap."""

    epochs: Count | None = None
    images: Count | None = None


class RaySettings(Settings):
    """What one training takes of a Ray cluster, as Ray counts: shares of CPUs and GPUs."""

    cpus: Annotated[float, Field(ge=0)] = 1.0
    gpus: Annotated[float, Field(ge=0)] = 0.0


Precision = Literal["float32", "bfloat16"]


class Compute(Settings):
    """Where a training runs, and what of it is a part of its result: how it rounds, and how many processes share it."""

    threads: Count = 1
    lowering: bool = True
    precision: Precision = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    executor: Literal["local", "ray", "torchrun"] = "local"
    processes: Count = 1
    ray: RaySettings = RaySettings()


Optimizer = Literal["adam", "rmsprop", "sgd"]


class TrainSettings(Settings):
    """One experiment: data, networks, objective and optimisers. Each method reads some; `plan` refuses the others.

    network: the module of `ganpipe.nets` that the method takes its classes from.
    generator, discriminator, encoder: options of the networks.
    init: "dcgan" draws weights from N(0, 0.02) (Radford 2016); "default" keeps PyTorch's own.
    conditional: the networks are told the classes of the images.
    smooth_real, smooth_fake: targets of the discriminator for real and for generated images.
    penalty: on the discriminator's gradient at its input, times `penalty_weight`.
    clip: bound of the discriminator's weights (Arjovsky 2017); None leaves them free.
    augment: what the discriminator's images, real and generated alike, pass through.
    critic_steps: steps of the discriminator, on a batch each, for one of the generator.
    lr_discriminator, optimizer_discriminator: None for the generator's.
    betas: of Adam; the first is the momentum of SGD.
    noise_steps: steps of the noise schedule of a diffusion model; sampling_steps: those that sampling takes of them.
    ema: decay of the averaged generator weights, from which samples are drawn; None samples from the last weights.
    range: how networks see images, "signed" [-1, 1] or "unit" [0, 1].
    flips: mirrorings that each training image undergoes with probability one half.
    stop_early: end the training when an epoch shows collapse or a saturated discriminator.
    panel_every: epochs between two panels of real beside generated images of every class.
    weights: folder of a generator made before: `generator.safetensors` and `model.json`.
    """

    dataset: Name
    method: Name = "gan"
    network: Name = "dcgan"
    generator: dict[str, Any] = {}
    discriminator: dict[str, Any] = {}
    encoder: dict[str, Any] = {}
    latent: Count = 100
    init: Literal["dcgan", "default"] = "dcgan"
    conditional: bool = False
    loss: Name = "bce"
    smooth_real: Annotated[float, Field(gt=0.5, le=1)] = 1.0
    smooth_fake: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    penalty: Name = "none"
    penalty_weight: Positive = 10.0
    clip: Positive | None = None
    augment: tuple[Name, ...] = ()
    critic_steps: Count = 1
    optimizer: Optimizer = "adam"
    optimizer_discriminator: Optimizer | None = None
    lr: Positive = 0.0002
    lr_discriminator: Positive | None = None
    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    batch_size: Annotated[int, Field(ge=2)]
    epochs: Count
    noise_steps: Annotated[int, Field(ge=2)] = 1000
    sampling_steps: Count = 25
    ema: Fraction | None = None
    range: Literal["signed", "unit"] = "signed"
    flips: tuple[Literal["horizontal", "vertical"], ...] = ()
    stop_early: bool = False
    panel_every: Count = 10
    weights: str | None = None


class Training(TrainSettings):
    """What one training executes: an experiment under a budget, with a seed and a number of threads.

    lowering: convolutions become matrix products where that is faster on a CPU (`ganpipe.nets.lowering`).
    precision: in which networks are computed on CUDA while they learn (`ganpipe.methods.common.precision`).
    processes: that share every batch, each with statistics of batch normalisation and noise of its own.
    weights_sha256: of the file in `weights`, so that another generator there is another training.
    """

    images: Count | None = None
    seed: Natural
    threads: Count
    lowering: bool = True
    precision: Precision = "float32"
    processes: Count = 1
    weights_sha256: str | None = None


class Experiment(Settings):
    """The part of a catalogue entry that describes it; the rest of the entry overrides `train`."""

    document: str
    title: str


class SampleSettings(Settings):
    """How many images each generator is asked for, from which seed, on how many threads."""

    count: Count = 10_000
    seed: Natural = 0
    threads: Count = 1


class SelectSettings(Settings):
    """The metric that decides, and what decides when it does not.

    metric: the name of a metric in the score records.
    direction: which way is better; None takes the direction that the metric itself declares. `real` ranks by
        |ln(value / value of the real data)|: twice the real sharpness is as far off as half of it.
    tie: metrics asked in this order when two experiments tie; the experiment's name decides at last.
    tolerance: experiments whose mean lies within this fraction of the best one's mean tie with it.
    """

    metric: str = Field(default="fd_judge", min_length=1)
    direction: Direction | None = None
    tie: tuple[str, ...] = ()
    tolerance: Fraction = 0.0


class DatasetEntry(DatasetSettings):
    """A dataset and how its judge is trained."""

    judge: JudgeSettings = JudgeSettings()


class Sections(Settings):
    """`params.yaml` as a whole. `train` and `experiments` are checked once they are joined, by `ganpipe.plan`."""

    grid: Grid
    budget: Budget = Budget()
    compute: Compute = Compute()
    train: dict[str, Any]
    experiments: dict[Name, dict[str, Any]]
    datasets: dict[Name, DatasetEntry]
    sample: SampleSettings = SampleSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    select: SelectSettings
