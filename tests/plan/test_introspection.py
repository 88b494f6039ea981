"""What the planner knows about methods: the settings they read, invalid combinations, and the code of each family."""

import ast
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ganpipe.common.errors import UserError
from ganpipe.config import Training
from ganpipe.plan import introspection
from ganpipe.plan.build import Plan
from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import save_generator
from ganpipe.source.fingerprint import closure
from ganpipe.source.index import Index
from tests.conftest import REPOSITORY
from tests.plan.conftest import Edit, put

INDEX = Index(REPOSITORY / "src" / "ganpipe")
EVERY_FAMILY = ["e03-dcgan", "vae", "bigan", "diffusion", "edm28", "digitwise-dcgan16", "wgan-gp", "cgan28"]


def all_families(*edits: Edit) -> list[Edit]:
    return [put("grid/experiments", EVERY_FAMILY), put("grid/datasets", ["mnist", "mnist16"]), *edits]


def trains(plan: Plan) -> dict[str, Any]:
    return {run.removesuffix("-0"): document["train"] for run, document in plan.runs.items()}


def changed(before: Plan, after: Plan) -> set[str]:
    old, new = trains(before), trains(after)
    return {name for name in old if old[name] != new[name]}


def test_plan_contains_only_settings_that_the_method_reads(plan_of: Callable[..., Plan]) -> None:
    plans = trains(plan_of(*all_families()))
    assert {"loss", "discriminator", "encoder", "noise_steps"} & plans["vae"].keys() == {"encoder"}
    assert {"loss", "discriminator", "encoder", "noise_steps"} & plans["diffusion"].keys() == {"noise_steps"}
    assert {"loss", "discriminator", "encoder", "noise_steps"} & plans["e03-dcgan"].keys() == {"loss", "discriminator"}
    for document in plans.values():
        assert Training.model_validate(document).model_dump(mode="json", include=document.keys()) == document


def test_training_only_settings_are_not_read_by_what_was_made_elsewhere() -> None:
    training_only = {"processes", "precision", "lowering"}
    assert training_only <= introspection.settings_read(INDEX, "gan")
    for method in ("pretrained", "images"):
        assert not training_only & introspection.settings_read(INDEX, method)


def test_shared_setting_applies_only_to_methods_that_read_it(plan_of: Callable[..., Plan]) -> None:
    before = plan_of(*all_families())
    assert changed(before, plan_of(*all_families(put("train/loss", "least_squares")))) == {
        "e03-dcgan",
        "bigan",
        "digitwise-dcgan16",
        "cgan28",
    }
    assert changed(before, plan_of(*all_families(put("train/sampling_steps", 10)))) == {"diffusion", "edm28"}
    assert changed(before, plan_of(*all_families(put("train/rho", 5)))) == {"edm28"}


def test_shared_network_options_apply_only_to_the_same_class(plan_of: Callable[..., Plan]) -> None:
    before = plan_of(*all_families())
    discriminators = changed(before, plan_of(*all_families(put("train/discriminator/width", 8))))
    assert discriminators == {
        "e03-dcgan",
        "digitwise-dcgan16",
        "wgan-gp",
        "cgan28",
    }  # BiGAN has another class
    assert changed(before, plan_of(*all_families(put("train/generator/width", 8)))) == {
        *discriminators,
        "bigan",
        "vae",
    }  # all except the U-Net


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            put("experiments/vae/loss", "hinge"),
            "experiments.vae.loss = 'hinge': not used by the method vae. Remove",
        ),
        (put("experiments/vae/discriminator", {"width": 3}), "experiments.vae.discriminator"),
        (put("experiments/e03-dcgan/noise_steps", 10), "not used by the method gan. Remove it."),
        (put("experiments/bigan/critic_steps", 2), "not used by the method bigan"),
        (
            put("experiments/diffusion/network", "dcgan"),
            "not usable by the method diffusion. Choose one of: patches, unet.",
        ),
        (put("experiments/diffusion/network", "dcgn"), "no such network. Choose one of: patches, unet."),
        (put("experiments/bigan/encoder", {"witdh": 3}), "experiments.bigan.encoder.witdh: unknown key"),
        (put("experiments/bigan/discriminator", {"hidden": [3]}), "experiments.bigan.discriminator.hidden: unknown"),
        (put("experiments/diffusion/sampling_steps", 2000), "more steps than noise_steps = 1000"),
        (put("experiments/edm28/sigma_min", 90), "experiments.edm28.sigma_min = 90.0: not below sigma_max = 80.0."),
        (put("experiments/edm28/rho", 0.5), "experiments.edm28.rho = 0.5"),
        (put("experiments/edm28/pairing", "optimal"), "not used by the method edm. Remove it."),
        (put("experiments/flow28/rho", 5), "not used by the method flow. Remove it."),
        (
            put("experiments/e03-dcgan/penalty", "r3"),
            "no such penalty. Choose one of: gradient_penalty, none, r1, r1_r2, r2.",
        ),
        (
            put("experiments/e03-dcgan/penalty", "r1"),
            "batch normalisation mixes the images of a batch. Set discriminator.norm",
        ),
        (put("experiments/e03-dcgan/penalty_weight", 3.0), "no effect without a penalty"),
        (put("experiments/e03-dcgan/loss", "wasserstein"), "nothing bounds the critic's Lipschitz constant"),
        (put("experiments/bigan/loss", "wasserstein"), "nothing bounds the critic's Lipschitz constant"),
        (put("experiments/e03-dcgan/augment", ["colour"]), "no such augmentation. Did you mean color"),
        (put("experiments/e03-dcgan/clip", -1), "experiments.e03-dcgan.clip = -1"),
        (put("experiments/e03-dcgan/flips", ["sideways"]), "experiments.e03-dcgan.flips[0] = 'sideways'"),
        (put("experiments/sngan28-hinge/smooth_real", 0.9), "the loss hinge has no targets to smooth"),
        (put("experiments/cgan28/dataset", "art128"), "needs class labels, but art128 has no classes"),
        (put("experiments/digitwise-dcgan16/dataset", "art128"), "one model per class, but art128 has no classes"),
        (
            put("datasets/mnist/size", 30),
            "the encoder supports images of 16, 28, 32, 64, 128, 256 pixels, but datasets",
        ),
        (put("grid/experiments", ["pretrained"]), "contains no generator.safetensors. Put it there"),
    ],
)
def test_invalid_combination_is_rejected(edit: Edit, expected: str, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(edit)
    assert expected in str(caught.value)


def test_every_critic_step_needs_its_own_images(plan_of: Callable[..., Plan]) -> None:
    chosen = put("grid/experiments", ["wgan-gp"])
    assert plan_of(chosen, put("budget/images", 320))
    with pytest.raises(UserError, match=r"takes 320 images \(critic_steps = 5\), but budget\.images = 319"):
        plan_of(chosen, put("budget/images", 319))


@pytest.mark.parametrize(
    "edit",
    [
        put("experiments/wgan-gp/discriminator", {"norm": "instance"}),
        put("experiments/wgan-gp/clip", 0.1),
        put("experiments/sngan28/loss", "wasserstein"),  # spectral norm bounds the critic, too
        put("experiments/sngan28/penalty", "r1_r2"),
        put("experiments/e09-mlp/penalty", "gradient_penalty"),  # no normalisation
        put("experiments/e03-dcgan/augment", ["color", "cutout"]),
        put("experiments/cgan28/dataset", "cifar64"),
        put("experiments/diffusion/conditional", True),
        put("experiments/edm28/network", "unet"),
        put("experiments/edm28/sampling_steps", 1),
    ],
)
def test_valid_combination_is_planned(edit: Edit, plan_of: Callable[..., Plan]) -> None:
    assert plan_of(edit)


def test_code_of_a_method_does_not_contain_other_methods() -> None:
    """Except that `per_class` consists of GANs."""
    for method in introspection.method_names(INDEX):
        reached = {module for module, _ in closure(INDEX, introspection.training_roots(INDEX, method))}
        others = {f"ganpipe.methods.{other}" for other in introspection.method_names(INDEX)} - {
            f"ganpipe.methods.{method}"
        }
        assert reached & others == ({"ganpipe.methods.gan"} if method == "per_class" else set()), method


def test_objective_is_part_of_the_fingerprint_of_runs_that_use_it(plan_of: Callable[..., Plan]) -> None:
    def code(*edits: Edit) -> dict[str, str]:
        return {run: document["code"]["train"] for run, document in plan_of(*all_families(*edits)).runs.items()}

    before = code()
    assert {run for run, value in code(put("train/augment", ["color"])).items() if value != before[run]} == {
        "e03-dcgan-0",
        "digitwise-dcgan16-0",
        "wgan-gp-0",
        "cgan28-0",
    }
    after = code(put("experiments/wgan-gp/penalty", "r1"))
    assert {run for run, value in after.items() if value != before[run]} == {"wgan-gp-0"}


def test_new_method_with_a_new_setting_changes_no_other_fingerprint(tmp_path: Path) -> None:
    source = tmp_path / "ganpipe"
    shutil.copytree(REPOSITORY / "src" / "ganpipe", source, ignore=shutil.ignore_patterns("__pycache__"))
    before = Index(source)
    digests = {method: closure_text(before, method) for method in introspection.method_names(before)}
    shutil.copy(source / "methods" / "vae.py", source / "methods" / "newcomer.py")
    config = source / "config.py"
    config.write_text(
        config.read_text().replace("    stop_early: bool", "    warmth: float = 1.0\n    stop_early: bool")
    )
    after = Index(source)
    assert set(introspection.method_names(after)) == {*digests, "newcomer"}
    assert {method: closure_text(after, method) for method in digests} == digests


def closure_text(index: Index, method: str) -> list[str]:
    return sorted(ast.dump(node) for node in closure(index, introspection.training_roots(index, method)).values())


def test_digest_of_pretrained_weights_is_part_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan_of: Callable[..., Plan]
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    edits = [put("grid/experiments", ["pretrained"]), put("experiments/pretrained/weights", "mine")]
    plans = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        description = Description("mlp", {}, 4, 0, 1, 28, "signed")
        (tmp_path / "mine").mkdir(exist_ok=True)
        save_generator(description.build(), description, tmp_path / "mine")
        plans.append(plan_of(*edits).runs["pretrained-0"])
    assert plans[0]["train"]["weights_sha256"] != plans[1]["train"]["weights_sha256"]
    assert plans[0]["code"] == plans[1]["code"]
    (tmp_path / "mine" / "model.json").write_text("{}")
    with pytest.raises(UserError, match=r"contains no valid model\.json"):
        plan_of(*edits)


def test_catalogue_covers_every_method() -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    used = {entry.get("method", "gan") for entry in params["experiments"].values()}
    assert used == set(introspection.method_names(INDEX))
