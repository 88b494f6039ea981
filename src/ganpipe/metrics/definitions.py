"""All metrics: one decorated function each. The formula stands in the function that is called, with its source."""

import numpy as np

from ganpipe.metrics import classes, cost, memorisation, pixels
from ganpipe.metrics.evaluation import Evaluation
from ganpipe.metrics.frechet import frechet_distance
from ganpipe.metrics.kernel import kernel_distance
from ganpipe.metrics.registry import metric
from ganpipe.metrics.transfer import transfer_accuracy


@metric("fid", direction="lower", needs=("inception",), real="subset", minimum=2049)
def fid(case: Evaluation) -> float:
    """Fréchet inception distance: on the features pool3 of the standard Inception-v3 (Heusel et al. 2017)."""
    assert case.setting.inception is not None and case.real.inception is not None
    return frechet_distance(case.real.inception, case.setting.inception.gaussian(case.images))


@metric("fd_judge", direction="lower", needs=("judge",), real="train", minimum=129, jackknife=True)
def fd_judge(case: Evaluation) -> float:
    """Fréchet distance on the judge's features. Comparable only with numbers of the same judge, and no FID."""
    return frechet_distance(case.real.gaussian, case.gaussian)


@metric("kid", direction="lower", needs=("judge",), real="subset", minimum=100)
def kid(case: Evaluation) -> float:
    """Kernel distance on the judge's features; unlike the Fréchet distance without bias for few samples."""
    return kernel_distance(case.real.features, case.features, case.real.kernel)


@metric("precision", direction="higher", needs=("judge",), real="subset", minimum=100)
def precision(case: Evaluation) -> float:
    """Share of samples that look like real images."""
    return case.overlap.precision


@metric("recall", direction="higher", needs=("judge",), real="subset", minimum=100)
def recall(case: Evaluation) -> float:
    """Share of real images that look like samples."""
    return case.overlap.recall


@metric("density", direction="higher", needs=("judge",), real="subset", minimum=100)
def density(case: Evaluation) -> float:
    """Precision that outliers among the real images cannot lift; about 1 for real images, more for their heart."""
    return case.overlap.density


@metric("coverage", direction="higher", needs=("judge",), real="subset", minimum=100)
def coverage(case: Evaluation) -> float:
    """Share of real images with a sample in their neighbourhood."""
    return case.overlap.coverage


@metric("sharpness", direction="real", real="heldout", ratio=True)
def sharpness(case: Evaluation) -> float:
    """Variance of the Laplacian."""
    return pixels.sharpness(case.images)


@metric("contrast", direction="real", real="heldout", ratio=True)
def contrast(case: Evaluation) -> float:
    """RMS contrast."""
    return pixels.contrast(case.images)


@metric("diversity", direction="real", real="heldout", ratio=True, minimum=2)
def diversity(case: Evaluation) -> float:
    """Mean pixel difference of two samples."""
    return pixels.diversity(case.images)


@metric("ssim_diversity", direction="real", real="heldout", ratio=True, minimum=2)
def ssim_diversity(case: Evaluation) -> float:
    """1 - mean structural similarity of two samples."""
    return pixels.ssim_diversity(case.images, case.settings.pairs, case.settings.seed)


@metric("class_coverage", direction="higher", needs=("judge", "classes"), real="train", minimum=100)
def class_coverage(case: Evaluation) -> float:
    """Share of classes that the samples show."""
    return classes.coverage(classes.shares(case.logits), case.real.shares)


@metric("class_balance", direction="higher", needs=("judge", "classes"), real="train", minimum=100)
def class_balance(case: Evaluation) -> float:
    """How near the classes' shares among the samples are to those among real images."""
    return classes.balance(classes.shares(case.logits), case.real.shares)


@metric("judge_confidence", direction="higher", needs=("judge", "classes"), real="heldout", ratio=True, jackknife=True)
def judge_confidence(case: Evaluation) -> float:
    """How sure the judge is of what a sample shows."""
    return classes.confidence(case.logits)


@metric("label_accuracy", direction="higher", needs=("judge", "classes", "labels"), real="heldout", ratio=True)
def label_accuracy(case: Evaluation) -> float:
    """Share of samples in which the judge recognises the class that was asked for."""
    return float(np.mean(case.logits.argmax(1).numpy() == case.labels))


@metric(
    "transfer_accuracy",
    direction="higher",
    needs=("judge", "classes"),
    real="heldout",
    ratio=True,
    minimum=100,
    floor="train",
)
def transfer_accuracy_of_samples(case: Evaluation) -> float:
    """Accuracy on real images of a classifier trained on the samples.

    The judge names the class of every sample, also where one was asked for: so runs that can be told a class and
    runs that cannot are measured alike. Whether a sample shows what was asked is `label_accuracy`.
    """
    dataset = case.setting.dataset
    named = case.logits.argmax(1).numpy()
    return transfer_accuracy(case.images, named, dataset.heldout, len(dataset.classes), case.settings.seed)


@metric("memorisation", direction="real", real="train", ratio=True)
def memorisation_distance(case: Evaluation) -> float:
    """Median distance of a sample to its nearest training image: copies are nearer than unseen real images are."""
    queries = case.images[: case.settings.queries]
    _, distances = memorisation.nearest(queries, case.setting.dataset.train.images)
    return float(np.median(distances))


@metric("parameters", direction="lower", needs=("generator",))
def parameters(case: Evaluation) -> float:
    """Trained values of the generator."""
    assert case.sampler is not None
    return cost.parameters(case.sampler.network)


@metric("multiply_adds", direction="lower", needs=("generator",))
def multiply_adds(case: Evaluation) -> float:
    """Multiply-adds of the generator for one image."""
    assert case.sampler is not None
    return cost.multiply_adds(case.sampler.draw)
