"""Every combination of method, network, normalisation, loss, penalty and conditioning, as the planner sees them."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, get_args

import yaml

from ganpipe.common.types import ImageShape
from ganpipe.config import Params
from ganpipe.objectives import losses, penalties
from ganpipe.plan.checks import check_experiments
from ganpipe.plan.introspection import method_names, network_classes, network_names, settings_read
from ganpipe.plan.objective_checks import WITHOUT_DECISION
from ganpipe.plan.resolve import resolve_experiments
from ganpipe.source.index import Index
from ganpipe.source.signature import options_model
from tests.conftest import REPOSITORY
from tests.nets import small_networks
from tests.objectives.test_one_step import public_functions

INDEX = Index(REPOSITORY / "src" / "ganpipe")
TRAINED = sorted(set(method_names(INDEX)) - {"pretrained", "images"})
SCHEDULED: dict[str, Any] = {
    "lr": {"start": 0.001, "end": 0, "shape": "linear"},
    "betas": [{"start": 0, "end": 0.5}, {"start": 0.9, "end": 0.99}],
    "penalty_weight": {"start": 2, "end": 0.1},
    "penalty_every": 2,
    "augment": ["color", "cutout"],
    "augment_probability": {"start": 0.5, "end": 1},
}
PAIRS = [(method, network) for method in TRAINED for network in network_names(INDEX, method)]


def image_of(network: str) -> ImageShape:
    sizes = small_networks.sizes(network)
    return ImageShape(1, 16 if 16 in sizes else min(sizes))


def norms(module: str, class_name: str) -> tuple[str | None, ...]:
    """Values of the option `norm`; one None for a network without that option."""
    options = options_model(INDEX, f"nets.{module}", class_name).model_fields
    return get_args(options["norm"].annotation) if "norm" in options else (None,)


@cache
def planned(method: str, network: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Resolved settings of the experiments that the planner accepts, and its reasons for rejecting the others."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    own = {f"x{number}": settings for number, settings in enumerate(_experiments(method, network))}
    content["datasets"]["mnist"]["size"] = image_of(network).size
    content["train"] = {"dataset": "mnist", "batch_size": 8, "epochs": 1, "latent": 6, "lr": 1e-3}
    content["experiments"] = {name: {"document": "", "title": "", **settings} for name, settings in own.items()}
    content["grid"]["experiments"] = list(own)
    params = Params.model_validate(content)
    experiments, problems = resolve_experiments(content["train"], content["experiments"], INDEX)
    problems += check_experiments(params, experiments, INDEX, REPOSITORY / "data")
    rejected = {problem.key.split(".")[1]: problem.problem for problem in problems}
    return {name: x.settings.model_dump() for name, x in experiments.items() if name not in rejected}, rejected


def _experiments(method: str, network: str) -> Iterator[dict[str, Any]]:
    """All values of all settings that the method reads and that combine freely."""
    read = settings_read(INDEX, method)
    classes = network_classes(INDEX, method, network)
    small = {part: small_networks.SMALL.get(module, small_networks.NARROW) for part, (module, _) in classes.items()}
    *_, last = classes
    axes = {
        "norm": norms(*classes[last]),
        "loss": sorted(public_functions(losses)) if "loss" in read else [None],
        "penalty": ["none", *sorted(public_functions(penalties))] if "penalty" in read else [None],
        "conditional": [False, True] if "conditional" in read else [None],
    }
    for norm, loss, penalty, conditional in product(*axes.values()):
        settings = {"method": method, "network": network, "loss": loss, "penalty": penalty, "conditional": conditional}
        settings |= small | {last: small[last] | ({"norm": norm} if norm else {})}
        if penalty == "r1_r2":
            settings |= SCHEDULED
        elif loss not in WITHOUT_DECISION and "augment" in read:
            settings |= {"augment": ["translation"], "augment_probability": {"target": 0.5, "images": 100}}
        yield {key: value for key, value in settings.items() if value is not None}
