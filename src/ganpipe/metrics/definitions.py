"""All metrics, one decorated function each. Formula and source are documented in the functions that they call."""

import numpy as np
import torch

from ganpipe.metrics import classes, cost, memorisation, modes, pixels
from ganpipe.metrics.evaluation import Evaluation, random_rows
from ganpipe.metrics.frechet import frechet_distance
from ganpipe.metrics.kernel import kernel_distance, median_distance, rbf_distance
from ganpipe.metrics.registry import metric
from ganpipe.metrics.statistics import fit, vendi_score
from ganpipe.metrics.transfer import transfer_accuracy
from ganpipe.metrics.wasserstein import mind


@metric("fid", direction="lower", requires=("inception",), real="subset", min_samples=2049)
def fid(evaluation: Evaluation) -> float:
    """Fréchet inception distance: on the features pool3 of the standard Inception-v3 (Heusel et al. 2017)."""
    assert evaluation.context.inception is not None and evaluation.real.inception is not None
    return frechet_distance(evaluation.real.inception, evaluation.context.inception.gaussian(evaluation.images))


@metric("fd_judge", direction="lower", requires=("judge",), real="train", min_samples=129, jackknife=True)
def fd_judge(evaluation: Evaluation) -> float:
    """Fréchet distance on the judge's features. Comparable only under the same judge; it is not FID."""
    return frechet_distance(evaluation.real.gaussian, evaluation.gaussian)


@metric("kid", direction="lower", requires=("judge",), real="subset", min_samples=100)
def kid(evaluation: Evaluation) -> float:
    """Kernel distance on the judge's features; unlike the Fréchet distance it is unbiased for few samples."""
    return kernel_distance(evaluation.real.features, evaluation.features, evaluation.real.kernel)


@metric("kid_imagenet", direction="lower", requires=("imagenet",), real="imagenet", min_samples=20)
def kid_imagenet(evaluation: Evaluation) -> float:
    """Kernel distance on ImageNet features, which know neither the dataset nor its labels."""
    assert evaluation.real.imagenet is not None
    return kernel_distance(evaluation.real.imagenet, evaluation.imagenet_features)


@metric("mind", direction="lower", requires=("judge",), real="subset", min_samples=100)
def monge_distance(evaluation: Evaluation) -> float:
    """Sliced Wasserstein distance on the judge's features; informative for fewer samples than the Fréchet distance."""
    return mind(evaluation.real.features, evaluation.features, evaluation.settings.seed)


@metric("mmd_rbf", direction="lower", requires=("judge",), real="subset", min_samples=100)
def mmd_rbf(evaluation: Evaluation) -> float:
    """Kernel distance with a Gaussian kernel on the judge's features; its width is real images' median distance."""
    real = evaluation.real.features
    return rbf_distance(real, evaluation.features, median_distance(real))


@metric(
    "fd_per_class",
    direction="lower",
    requires=("judge", "classes", "labels", "class_sizes"),
    real="train",
    min_samples=129,
)
def fd_per_class(evaluation: Evaluation) -> float:
    """Mean over classes of the Fréchet distance between the samples of a class and its training images."""
    assert evaluation.real.class_gaussians is not None and evaluation.labels is not None
    distances = [
        frechet_distance(real, fit(evaluation.features[torch.from_numpy(evaluation.labels == number)]))
        for number, real in enumerate(evaluation.real.class_gaussians)
    ]
    return float(np.mean(distances))


@metric("vendi", direction="real", requires=("judge",), real="heldout", ratio=True, min_samples=100)
def vendi(evaluation: Evaluation) -> float:
    """Effective number of different samples, from the cosine similarity of the judge's features."""
    return vendi_score(evaluation.features)


@metric("precision", direction="higher", requires=("judge", "neighbours"), real="subset", min_samples=100)
def precision(evaluation: Evaluation) -> float:
    """Share of samples within the manifold of real images."""
    return evaluation.overlap.precision


@metric("recall", direction="higher", requires=("judge", "neighbours"), real="subset", min_samples=100)
def recall(evaluation: Evaluation) -> float:
    """Share of real images within the manifold of samples."""
    return evaluation.overlap.recall


@metric("density", direction="higher", requires=("judge", "neighbours"), real="subset", min_samples=100)
def density(evaluation: Evaluation) -> float:
    """Precision that is robust to real outliers; about 1 for real images, more for samples in dense regions."""
    return evaluation.overlap.density


@metric("coverage", direction="higher", requires=("judge", "neighbours"), real="subset", min_samples=100)
def coverage(evaluation: Evaluation) -> float:
    """Share of real images with a sample in their neighbourhood."""
    return evaluation.overlap.coverage


@metric("sharpness", direction="real", real="heldout", ratio=True)
def sharpness(evaluation: Evaluation) -> float:
    """Variance of the Laplacian."""
    return pixels.sharpness(evaluation.images)


@metric("contrast", direction="real", real="heldout", ratio=True)
def contrast(evaluation: Evaluation) -> float:
    """RMS contrast."""
    return pixels.contrast(evaluation.images)


@metric("diversity", direction="real", real="heldout", ratio=True, min_samples=2)
def diversity(evaluation: Evaluation) -> float:
    """Mean pixel difference of two samples."""
    return pixels.diversity(evaluation.images)


@metric("ssim_diversity", direction="real", real="heldout", ratio=True, min_samples=2)
def ssim_diversity(evaluation: Evaluation) -> float:
    """1 - mean structural similarity of two samples."""
    return pixels.ssim_diversity(evaluation.images, evaluation.settings.pairs, evaluation.settings.seed)


@metric("class_coverage", direction="higher", requires=("judge", "classes"), real="train", min_samples=100)
def class_coverage(evaluation: Evaluation) -> float:
    """Share of classes that occur among the samples."""
    return classes.coverage(classes.shares(evaluation.logits), evaluation.real.shares)


@metric("class_balance", direction="higher", requires=("judge", "classes"), real="train", min_samples=100)
def class_balance(evaluation: Evaluation) -> float:
    """Agreement of the class shares among the samples with those among real images."""
    return classes.balance(classes.shares(evaluation.logits), evaluation.real.shares)


@metric("modes", direction="higher", requires=("judge", "classes"), real="heldout", min_samples=100)
def modes_found(evaluation: Evaluation) -> float:
    """Number of a dataset's modes that occur among the samples; only for stacked images."""
    return float(np.count_nonzero(modes.histogram(evaluation.logits.argmax(1).numpy(), evaluation.logits.shape[1])))


@metric("mode_kl", direction="lower", requires=("judge", "classes"), real="train", min_samples=100)
def mode_kl(evaluation: Evaluation) -> float:
    """Kullback-Leibler divergence of the modes of the samples from those of the training images, in nats."""
    context, logits = evaluation.context, evaluation.logits
    assert context.dataset.train.labels is not None
    labels = context.dataset.train.labels[context.compared_rows]
    generated = modes.histogram(logits.argmax(1).numpy(), logits.shape[1])
    return modes.kl_divergence(generated, modes.histogram(labels, logits.shape[1]))


@metric(
    "judge_confidence", direction="higher", requires=("judge", "classes"), real="heldout", ratio=True, jackknife=True
)
def judge_confidence(evaluation: Evaluation) -> float:
    """Mean probability that the judge assigns to its prediction."""
    return classes.confidence(evaluation.logits)


@metric("label_accuracy", direction="higher", requires=("judge", "classes", "labels"), real="heldout", ratio=True)
def label_accuracy(evaluation: Evaluation) -> float:
    """Share of samples in which the judge recognises the requested class."""
    return float(np.mean(evaluation.logits.argmax(1).numpy() == evaluation.labels))


@metric(
    "transfer_accuracy",
    direction="higher",
    requires=("judge", "classes"),
    real="heldout",
    ratio=True,
    min_samples=100,
    floor="train",
)
def transfer_accuracy_of_samples(evaluation: Evaluation) -> float:
    """Accuracy on real images of a classifier trained on the samples.

    The judge labels every sample, even if a class was requested, so that conditional and unconditional generators are
    evaluated in the same way. Whether a sample shows the requested class is `label_accuracy`.
    """
    dataset = evaluation.context.dataset
    labels = evaluation.logits.argmax(1).numpy()
    seed = evaluation.settings.seed
    return transfer_accuracy(evaluation.images, labels, dataset.heldout, len(dataset.classes), seed)


@metric("memorisation", direction="real", real="trained", ratio=True)
def memorisation_distance(evaluation: Evaluation) -> float:
    """Median distance of a sample to its nearest training image; copies are nearer than unseen real images."""
    settings = evaluation.settings
    queries = evaluation.images[random_rows(len(evaluation), settings.queries, settings.seed)]
    _, distances = memorisation.nearest(queries, evaluation.context.dataset.train.images)
    return float(np.median(distances))


@metric("near_duplicates", direction="lower", requires=("judge", "copying"), real="trained", min_samples=20)
def near_duplicates(evaluation: Evaluation) -> float:
    """Share of samples that are near-duplicates of a training image, in pixels or in the judge's features."""
    return evaluation.copy_statistics.near_duplicates


@metric("authenticity", direction="higher", requires=("judge", "copying"), real="trained", min_samples=20)
def authenticity(evaluation: Evaluation) -> float:
    """Share of samples that are farther from their nearest training image than it is from its own nearest one."""
    return evaluation.copy_statistics.authenticity


@metric("c_t", direction="higher", requires=("judge", "copying"), real="trained", min_samples=20)
def c_t(evaluation: Evaluation) -> float:
    """C_T on the judge's features: a z-score, about 0 for real images; below -3 means copying, above 3 underfitting."""
    return evaluation.copy_statistics.c_t


@metric("parameters", direction="lower", requires=("generator",))
def parameters(evaluation: Evaluation) -> float:
    """Trainable values of the generator."""
    assert evaluation.sampler is not None
    return cost.parameters(evaluation.sampler.network)


@metric("multiply_adds", direction="lower", requires=("generator",))
def multiply_adds(evaluation: Evaluation) -> float:
    """Multiply-adds of the generator for one image."""
    assert evaluation.sampler is not None
    return cost.multiply_adds(evaluation.sampler.draw)
