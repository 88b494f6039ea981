"""The judge of stacked images (`ganpipe.data.stacked`): a judge of the grey images, applied to each channel.

Modes are triples of classes, and a classifier of the grey images recognises them channel by channel (Metz et al.,
Unrolled generative adversarial networks, 2017, section 3.3). The three copies are stored as one classifier whose
weights are block-diagonal, so that every stage loads and calls it like any other judge.
"""

import hashlib

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.random_streams import torch_seed
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics.extractors.checks import check_accuracy, check_distance, largest_share
from ganpipe.metrics.extractors.classifier_training import Progress, accuracy, classify, fit_classifier
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.nets.classifier import FEATURES, Classifier

_FEATURES = FEATURES // 3  # of each channel; the features that remain are always 0


def train_stacked_judge(
    dataset: Dataset, settings: JudgeSettings, progress: Progress = lambda _done, _total: None
) -> Judge:
    """Train a classifier on the red channels of the train split, and return the judge that applies it to each channel.

    Each channel contains the same grey images, so one of them is enough. settings: of the classifier of one channel;
    the judge has three times its width. The same dataset and settings give the same bits on one kind of CPU.
    """
    classes = round(len(dataset.classes) ** (1 / 3))
    images, labels = dataset.train
    assert labels is not None and dataset.heldout.labels is not None
    with deterministic_mode(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(settings.seed, "judge"))
        single = Classifier(ImageShape(1, dataset.shape.size), classes, width=settings.width, depth=settings.depth)
        single.project = nn.Linear(single.project.in_features, _FEATURES)
        single.head = nn.Linear(_FEATURES, classes)
        fit_classifier(single, Split(images[:, :1], labels // classes**2), settings, progress)
        stacked_settings = settings.model_copy(update={"width": 3 * settings.width})
        network = Classifier(
            dataset.shape, len(dataset.classes), width=stacked_settings.width, depth=stacked_settings.depth
        )
        network.load_state_dict(stacked_weights(single))
        network.eval().to(memory_format=torch.channels_last)
        reached = accuracy(network, dataset.heldout.images, dataset.heldout.labels)
        checks = check_distance(
            lambda batch: extract(lambda part: classify(network, part), batch)[0],
            images,
            dataset.heldout.images,
            settings.seed,
        )
    weights = save_tensors({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    return Judge(
        network=network,
        image=dataset.shape,
        task="classes",
        classes=len(dataset.classes),
        accuracy=reached,
        checks=check_accuracy(checks, reached, largest_share(dataset.heldout.labels), len(dataset.heldout.images)),
        sha256=hashlib.sha256(weights).hexdigest(),
        settings=stacked_settings,
    )


def stacked_weights(single: Classifier) -> dict[str, Tensor]:
    """Return the weights of the classifier that applies `single`, of K classes, to each of three channels.

    Convolutions and the projection become block-diagonal. The logit of class a * K^2 + b * K + c is the sum of the
    channels' logits of a, b and c, so that the softmax is the product of the channels' probabilities.
    """
    weights = {
        name: tensor if tensor.ndim == 0 else _block_diagonal(tensor) if tensor.ndim > 1 else tensor.repeat(3)
        for name, tensor in single.state_dict().items()
    }
    padding = FEATURES - 3 * _FEATURES
    for name in ("project.weight", "project.bias"):
        weights[name] = torch.cat([weights[name], weights[name].new_zeros(padding, *weights[name].shape[1:])])
    head, bias = single.head.weight.detach(), single.head.bias.detach()
    triples = torch.cartesian_prod(*[torch.arange(len(head))] * 3)
    weights["head.weight"] = torch.cat([head[triples].flatten(1), head.new_zeros(len(triples), padding)], 1)
    weights["head.bias"] = bias[triples].sum(1)
    return weights


def _block_diagonal(weight: Tensor) -> Tensor:
    """Return three copies of a weight (out, in, ...) on the diagonal of a matrix of weights (3 out, 3 in, ...)."""
    outputs, inputs, *kernel = weight.shape
    blocks = weight.new_zeros(3, outputs, 3, inputs, *kernel)
    for channel in range(3):
        blocks[channel, :, channel] = weight
    return blocks.reshape(3 * outputs, 3 * inputs, *kernel)
