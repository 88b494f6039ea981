"""Family, network, normalisation, loss and penalty are independent axes: what the planner lets pass, learns."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, get_args

import pytest
import torch
import yaml

from ganpipe.common.types import ImageShape
from ganpipe.config import Sections, Training
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.methods.registry import build_method
from ganpipe.objectives import losses, penalties
from ganpipe.plan.checks import check_entries
from ganpipe.plan.introspection import methods, networks, parts, settings_read
from ganpipe.plan.resolve import entries_of
from ganpipe.sampling.generator import to_pixels
from ganpipe.source.index import Index
from ganpipe.source.signature import options_model
from tests.conftest import REPOSITORY
from tests.nets import gallery
from tests.objectives.test_one_step import public_functions

INDEX = Index(REPOSITORY / "src" / "ganpipe")
CLASSES = 2
FAMILIES = [
    (method, network)
    for method in methods(INDEX)
    for network in networks(INDEX, method)
    if method != "pretrained"  # it does not learn
]


def image_of(network: str) -> ImageShape:
    sizes = gallery.sizes(network)
    return ImageShape(1, 16 if 16 in sizes else min(sizes))


def own_settings(method: str, network: str) -> Iterator[dict[str, Any]]:
    """The experiments of one family with one network: every value of every axis that the family reads."""
    read = settings_read(INDEX, method)
    small = {
        part: gallery.SMALL.get(module, gallery.NARROW) for part, (module, _) in parts(INDEX, method, network).items()
    }
    *_, last = parts(INDEX, method, network)
    axes = {
        "norm": norms(*parts(INDEX, method, network)[last]),
        "loss": sorted(public_functions(losses)) if "loss" in read else [None],
        "penalty": ["none", *sorted(public_functions(penalties))] if "penalty" in read else [None],
        "conditional": [False, True] if "conditional" in read else [None],
    }
    for norm, loss, penalty, conditional in product(*axes.values()):
        settings = {"method": method, "network": network, "loss": loss, "penalty": penalty, "conditional": conditional}
        settings |= small | {last: small[last] | ({"norm": norm} if norm else {})}
        yield {key: value for key, value in settings.items() if value is not None}


def norms(module: str, class_name: str) -> tuple[str | None, ...]:
    """What a network can be normalised by; one None where that is not a choice."""
    options = options_model(INDEX, f"nets.{module}", class_name).model_fields
    return get_args(options["norm"].annotation) if "norm" in options else (None,)


@cache
def planned(method: str, network: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Experiments that the planner lets pass, resolved; and the reasons why it refuses the others."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    size = image_of(network).size
    own = {f"x{number}": settings for number, settings in enumerate(own_settings(method, network))}
    content["datasets"]["mnist"]["size"] = size
    content["train"] = {"dataset": "mnist", "batch_size": 8, "epochs": 1, "latent": 6, "lr": 1e-3}
    content["experiments"] = {name: {"document": "", "title": "", **settings} for name, settings in own.items()}
    content["grid"]["experiments"] = list(own)
    sections = Sections.model_validate(content)
    entries, mistakes = entries_of(content["train"], content["experiments"], INDEX)
    mistakes += check_entries(sections, entries, INDEX, REPOSITORY / "data")
    refused = {mistake.key.split(".")[1]: mistake.problem for mistake in mistakes}
    sound = {name: entry.settings.model_dump() for name, entry in entries.items() if name not in refused}
    return sound, refused


@pytest.mark.parametrize(("method", "network"), FAMILIES)
def test_what_the_planner_lets_pass_learns(method: str, network: str) -> None:
    image, (sound, _) = image_of(network), planned(method, network)
    assert sound
    for name, settings in sound.items():
        torch.manual_seed(0)
        train_state = build_method(Training(**settings, seed=0, threads=1), image, CLASSES, torch.device("cpu"))
        before = [weight.detach().clone() for net in train_state.networks().values() for weight in net.parameters()]
        images = torch.rand(8, image.channels, image.size, image.size) * 2 - 1
        scalars = train_state.step(images, torch.arange(8) % CLASSES)
        after = [weight for net in train_state.networks().values() for weight in net.parameters()]
        told = f"{name}: {settings}"
        assert all(value.isfinite() for value in scalars.values()), told
        assert all(weight.isfinite().all() for weight in after), told
        moved = [not torch.equal(*pair) for pair in zip(before, after, strict=True) if pair[0].ndim > 1]
        assert sum(moved) >= 0.9 * len(moved), told  # a dead unit may hold a layer still for one step
        description = train_state.description()
        labels = torch.arange(4) % CLASSES if description.classes else None
        made = eval_forward(train_state.exported(), torch.randn(4, description.latent), labels)
        assert made.isfinite().all() and made.abs().max() <= 1 + 1e-5, told
        assert to_pixels(made, "signed").shape == (4, image.channels, image.size, image.size), told


@pytest.mark.parametrize(("method", "network"), [family for family in FAMILIES if family[0] in ("gan", "per_class")])
def test_what_cannot_work_is_refused_with_the_reason(method: str, network: str) -> None:
    _, refused = planned(method, network)
    reasons = " ".join(refused.values())
    assert "BatchNorm mixes the images of a batch" in reasons or "batch" not in norms(network, "Discriminator")
    assert "nothing bounds how steep the critic is" in reasons
    assert all(problem for problem in refused.values())


def test_every_loss_penalty_and_family_is_met_somewhere() -> None:
    met = [settings for family in FAMILIES for settings in planned(*family)[0].values()]
    assert {settings["loss"] for settings in met} == public_functions(losses)
    assert {settings["penalty"] for settings in met} == {"none", *public_functions(penalties)}
    assert {settings["method"] for settings in met} == set(methods(INDEX)) - {"pretrained"}
    trained = {settings["network"] for settings in met}
    assert trained == {*gallery.NETWORKS, "unet"}
