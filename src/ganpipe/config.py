"""The settings of `params.yaml`: types, ranges and defaults, all frozen. No torch, so that planning takes no time.

`ganpipe plan` checks the file and shows the runs that it describes; `ganpipe.plan` merges the sections into runs.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ganpipe.common.instructions import Instructions
from ganpipe.common.schedule import Schedule
from ganpipe.common.scheduled_types import AugmentProbability, ScheduledFraction, ScheduledPositive
from ganpipe.common.types import Count, Direction, Fraction, NoiseLevel, NonNegative, Positive, Seed
from ganpipe.data.settings import PreparationSettings
from ganpipe.metrics.settings import EvaluateSettings, JudgeSettings

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=60)]
"""Names become file names, stage names and MLflow tags, so they must be valid on every operating system."""
ExperimentName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*(\+[a-z][a-z0-9_.]*=[a-z0-9_.-]+)*$", max_length=120)
]
"""A key of `experiments`, or a variation of one (see `ganpipe.plan.variations`). A run adds `-<seed>`."""
Optimizer = Literal["adam", "rmsprop", "sgd"]
Precision = Literal["float32", "bfloat16"]


class Settings(BaseModel):
    """Base class of all sections: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Grid(Settings):
    """What `dvc repro` runs: every experiment with every seed."""

    datasets: Annotated[tuple[Name, ...], Field(min_length=1)]  # the datasets that the experiments use
    experiments: Annotated[tuple[ExperimentName, ...], Field(min_length=1)]  # names from `experiments`, or variations
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)  # one training each per experiment


class Budget(Settings):
    """Limits that fit the runs to a machine."""

    epochs: Count | None = None  # at most this many epochs per training; None: no limit
    images: Count | None = None  # at most this many training images; None: all


class RaySettings(Settings):
    """Resources that one training requests from a Ray cluster."""

    cpus: Annotated[float, Field(ge=0)] = 1.0  # CPU cores, fractions allowed
    gpus: Annotated[float, Field(ge=0)] = 0.0  # GPUs, fractions allowed


class Compute(Settings):
    """Where and how trainings run. Only `device`, `executor` and `ray` do not affect the result."""

    threads: Count = 1  # CPU threads per training; other numbers round sums differently
    instructions: Instructions = "portable"  # CPU instructions: equal bits on all x86-64 processors, or the fastest
    lowering: bool = True  # compute convolutions as matrix products where that is faster on a CPU (nets.matmul_conv)
    precision: Precision = "float32"  # of the networks during training on CUDA; ignored on a CPU
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"  # auto: CUDA if available; mps: Apple's GPUs
    executor: Literal["local", "ray", "torchrun"] = "local"  # in the stage itself, on a Ray cluster, several processes
    processes: Count = 1  # data-parallel processes per training; needs the executor torchrun
    ray: RaySettings = RaySettings()


class TrainSettings(Settings):
    """One experiment: dataset, networks, objective, optimisers. A method reads some settings; `plan` rejects others."""

    # Data
    dataset: Name  # a key of `datasets`
    range: Literal["signed", "unit"] = "signed"  # pixel values that networks see: [-1, 1] or [0, 1]
    flips: tuple[Literal["horizontal", "vertical"], ...] = ()  # mirror each training image with probability 1/2
    conditional: bool = False  # condition the networks on class labels

    # Networks
    method: Name = "gan"  # module of `ganpipe.methods`
    network: Name = "dcgan"  # module of `ganpipe.nets` that provides the network classes
    generator: dict[str, Any] = {}  # options of the generator's constructor
    discriminator: dict[str, Any] = {}  # options of the discriminator's constructor
    encoder: dict[str, Any] = {}  # options of the encoder's constructor
    latent: Count = 100  # dimensions of the latent vector
    init: Literal["dcgan", "default"] = "dcgan"  # weights from N(0, 0.02^2) (Radford 2016), or PyTorch's defaults
    weights: str | None = None  # folder of a pretrained generator: generator.safetensors and model.json
    path: str | None = None  # images made elsewhere: folder, archive or array; {seed} in it stands for the seed

    # Objective
    loss: Name = "bce"  # function in `ganpipe.objectives.losses`
    smooth_real: Annotated[float, Field(gt=0.5, le=1)] = 1.0  # discriminator's target for real images
    smooth_fake: Annotated[float, Field(ge=0, lt=0.5)] = 0.0  # discriminator's target for generated images
    penalty: Name = "none"  # gradient penalty: function in `ganpipe.objectives.penalties`, or none
    penalty_weight: ScheduledPositive = 10.0  # factor of the penalty in the discriminator's loss
    penalty_every: Count = 1  # discriminator steps per penalty, which is multiplied by as many
    clip: Positive | None = None  # clip the discriminator's weights to [-clip, clip] (Arjovsky 2017); None: do not
    augment: tuple[Name, ...] = ()  # augmentations of all discriminator inputs, in `ganpipe.objectives.augment`
    augment_probability: AugmentProbability = 1.0  # with which each augmentation is applied to an image
    noise_steps: Annotated[int, Field(ge=2)] = 1000  # diffusion: steps of the noise schedule
    sampling_steps: Count = 25  # evaluations of the network per image; diffusion: at most noise_steps
    solver: Literal["euler", "midpoint", "heun"] = "euler"  # flow, edm: of sampling; the last two take half the steps
    pairing: Literal["random", "optimal"] = "random"  # flow: of noise and images in a batch; optimal: shortest paths
    # flow, edm: probability with which a conditional model trains an image without its label
    label_dropout: Fraction = 0.0
    # flow, edm: weight of the label when sampling; above 1: more typical images, less variety
    guidance: NonNegative = 1.0
    sigma_data: NoiseLevel = 0.5  # edm: standard deviation of the pixel values in [-1, 1]
    sigma_min: NoiseLevel = 0.002  # edm: lowest noise level of sampling before 0
    sigma_max: NoiseLevel = 80.0  # edm: noise level at which sampling starts
    rho: Annotated[float, Field(ge=1, le=100)] = 7.0  # edm: the larger, the shorter the last steps of sampling

    # Optimisation
    optimizer: Optimizer = "adam"
    optimizer_discriminator: Optimizer | None = None  # None: as the generator's
    lr: ScheduledPositive = 0.0002  # learning rate
    lr_discriminator: ScheduledPositive | None = None  # None: as the generator's
    betas: tuple[ScheduledFraction, ScheduledFraction] = (0.5, 0.999)  # Adam's betas; the first is the momentum of SGD
    batch_size: Annotated[int, Field(ge=2)]  # images per batch
    critic_steps: Count = 1  # discriminator steps per generator step, each on its own batch
    epochs: Count  # passes over the training images
    ema: Fraction | None = None  # decay of the averaged generator weights that samples use; None: last weights

    # Sampling: the generator after the last epoch, or the best one kept during the training by `evaluate.selection`
    keep: Literal["last", "best"] = "last"

    # Monitoring
    stop_early: bool = False  # stop after an epoch with mode collapse or a saturated discriminator
    panel_every: Count = 10  # epochs between panels that compare real and generated images of each class


class Training(TrainSettings):
    """All settings of one training: an experiment under a budget, with a seed and the settings of `compute`."""

    images: Count | None = None  # at most this many training images; None: all
    seed: Seed
    threads: Count
    instructions: Instructions = "portable"
    lowering: bool = True
    precision: Precision = "float32"
    processes: Count = 1  # each process has its own batch normalisation statistics and noise
    weights_sha256: str | None = None  # digest of the file in `weights`: other weights are another training
    path_sha256: str | None = None  # digest of the images in `path`; equal for seeds that share their images

    @property
    def depends_on_length(self) -> bool:
        """Whether a schedule ends with the training: then each step depends on the number of epochs."""
        values = [getattr(self, name) for name in type(self).model_fields]
        values += [part for value in values if isinstance(value, tuple) for part in value]
        return any(isinstance(value, Schedule) and value.end is not None for value in values)


class Experiment(Settings):
    """Description of a catalogue entry; all other keys of the entry override `train`."""

    document: str  # number of the source document
    title: str


class SampleSettings(Settings):
    """How each trained generator is sampled."""

    count: Count = 10_000  # images per generator
    seed: Seed = 0  # of the latent vectors
    threads: Count = 1  # CPU threads; other numbers round sums differently


class SelectSettings(Settings):
    """How experiments are ranked."""

    metric: str = Field(default="fd_judge", min_length=1)  # the deciding metric, one of `evaluate.metrics`
    fallback: tuple[str, ...] = ()  # metrics that decide instead, in this order, where that one could not be computed
    # Which value is better; None: as the metric declares. `real` ranks by |ln(value / value of the real images)|:
    # twice the real value and half of it are equally far off.
    direction: Direction | None = None
    tie: tuple[str, ...] = ()  # metrics that break ties, in this order; then the experiment's name decides
    # Experiments tie with the best one if their means differ by at most this fraction of the best one's mean.
    tolerance: Fraction = 0.0
    # An experiment is called better than another only if the training seeds show it with this confidence.
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class Rung(Settings):
    """One rung of a race: at most `epochs` per training, and the first `seeds` seeds of the grid."""

    epochs: Count
    seeds: Annotated[int, Field(ge=2)]  # one seed cannot distinguish two experiments


class RaceSettings(Settings):
    """How `ganpipe race` eliminates experiments. No stage of the pipeline reads it."""

    rungs: tuple[Rung, ...] = ()  # the last one is the full budget; empty: a ninth, a third and all of the epochs
    # With e of its E epochs done, an experiment may still improve, relative to another one, by a factor of up to
    # (E / e) ** catch_up.
    catch_up: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.5

    @field_validator("rungs")
    @classmethod
    def _climb(cls, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
        if any(upper.epochs <= lower.epochs or upper.seeds < lower.seeds for lower, upper in pairwise(rungs)):
            raise ValueError("each rung needs more epochs than the one before, and no fewer seeds. Reorder them")
        return rungs


class Range(Settings):
    """The values of a setting in a search: from low to high, whole numbers if both are."""

    low: int | float
    high: int | float
    log: bool = False  # sample the logarithm uniformly
    step: Annotated[int | float, Field(gt=0)] | None = None  # distance of the values; None: all

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low is not below high. Swap or change them")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a positive low and no step. Change them or remove log")
        return self


class SearchSettings(Settings):
    """What `ganpipe search` tries. No stage of the pipeline reads it."""

    bases: tuple[Name, ...] = ()  # experiments to tune, each with the same number of trials
    space: dict[str, Range | Annotated[tuple[Any, ...], Field(min_length=2)]] = {}  # setting: range or list of values
    trials: Count = 20  # per base
    batch: Count = 4  # trials that are proposed together, from the results of all earlier batches
    rungs: tuple[Count, ...] = ()  # epochs after which only the best third continues; empty: a ninth, a third and all
    seeds: Count = 1  # the first seeds of the grid; a trial's value is the mean over them
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    seed: Seed = 0  # of the sampler

    @field_validator("rungs")
    @classmethod
    def _climb(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        if any(upper <= lower for lower, upper in pairwise(rungs)):
            raise ValueError("each rung needs more epochs than the one before. Reorder them")
        return rungs


class DatasetEntry(PreparationSettings):
    """A dataset and the training of its judge."""

    judge: JudgeSettings = JudgeSettings()


class Params(Settings):
    """`params.yaml` as a whole. `train` and `experiments` are validated after merging, by `ganpipe.plan.resolve`."""

    grid: Grid
    budget: Budget = Budget()
    compute: Compute = Compute()
    train: dict[str, Any]
    experiments: dict[Name, dict[str, Any]]
    datasets: dict[Name, DatasetEntry]
    sample: SampleSettings = SampleSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    select: SelectSettings
    race: RaceSettings = RaceSettings()
    search: SearchSettings = SearchSettings()
