"""Settings of small experiments that cover every method."""

from typing import Any

from ganpipe.config import Training

NARROW = {"width": 4}
PAIR = {"network": "dcgan", "generator": NARROW, "discriminator": NARROW}

FAMILIES: dict[str, dict[str, Any]] = {
    "gan": PAIR,
    "conditional": PAIR | {"conditional": True},
    "critic": PAIR
    | {
        "discriminator": NARROW | {"norm": "none"},
        "loss": "wasserstein",
        "penalty": "gradient_penalty",
        "critic_steps": 2,
        "batch_size": 25,
        "augment": ["color", "translation", "cutout"],
    },
    "clipped": PAIR | {"loss": "wasserstein", "clip": 0.01, "optimizer": "rmsprop", "optimizer_discriminator": "sgd"},
    "flipped": PAIR | {"flips": ["horizontal", "vertical"]},
    "scheduled": PAIR
    | {
        "discriminator": NARROW | {"norm": "none"},
        "loss": "relativistic",
        "penalty": "r1_r2",
        "penalty_weight": {"start": 0.5, "end": 0.05},
        "penalty_every": 2,
        "lr": {"start": 0.002, "end": 0, "warmup": 2},
        "lr_discriminator": {"start": 0.001, "end": 0.0005, "shape": "linear"},
        "betas": [0, {"start": 0.9, "end": 0.99}],
        "augment": ["translation", "cutout"],
        "augment_probability": {"start": 0, "end": 0.8},
    },
    "adaptive": PAIR | {"augment": ["color", "translation"], "augment_probability": {"target": -0.9, "images": 60}},
    "style": PAIR | {"network": "style", "penalty": "r1"},
    "bigan": PAIR | {"method": "bigan", "encoder": NARROW},
    "vae": {"method": "vae", "network": "dcgan", "generator": NARROW, "encoder": NARROW},
    "diffusion": {"method": "diffusion", "network": "unet", "generator": NARROW, "sampling_steps": 3},
    "conditional-diffusion": {
        "method": "diffusion",
        "network": "unet",
        "generator": NARROW,
        "sampling_steps": 3,
        "conditional": True,
    },
    "flow": {
        "method": "flow",
        "network": "patches",
        "generator": NARROW,
        "sampling_steps": 3,
        "solver": "heun",
        "lr": {"start": 0.002, "end": 0, "warmup": 2},
    },
    "paired-flow": {
        "method": "flow",
        "network": "patches",
        "generator": NARROW,
        "sampling_steps": 3,
        "pairing": "optimal",
    },
    "conditional-flow": {
        "method": "flow",
        "network": "patches",
        "generator": NARROW,
        "sampling_steps": 4,
        "solver": "midpoint",
        "conditional": True,
        "label_dropout": 0.2,
        "guidance": 2.0,
    },
    "edm": {
        "method": "edm",
        "network": "patches",
        "generator": NARROW,
        "sampling_steps": 3,
        "solver": "heun",
        "lr": {"start": 0.002, "end": 0, "warmup": 2},
    },
    "conditional-edm": {
        "method": "edm",
        "network": "patches",
        "generator": NARROW,
        "sampling_steps": 3,
        "conditional": True,
        "label_dropout": 0.2,
        "guidance": 2.0,
    },
    "per-class": PAIR | {"method": "per_class"},
}
CONDITIONAL = {"conditional", "conditional-diffusion", "conditional-flow", "conditional-edm", "per-class"}
WITHOUT_DISCRIMINATOR = {
    *("vae", "diffusion", "conditional-diffusion", "flow", "paired-flow", "conditional-flow", "edm", "conditional-edm"),
}
"""Families whose generators are conditioned on class labels."""


def training(family: str, **changes: Any) -> Training:
    values: dict[str, Any] = {
        "dataset": "mnist",
        "latent": 6,
        "lr": 1e-3,
        "batch_size": 50,
        "epochs": 2,
        "ema": 0.9,
        "seed": 3,
        "threads": 1,
        "images": 150,
    }
    return Training.model_validate(values | FAMILIES[family] | changes)
