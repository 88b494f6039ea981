"""A synthetic `out` folder: files of finished runs with real digits as images, written in milliseconds."""

import csv
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ganpipe.common import image_grid

PROTOCOL = {"metric": "fd_judge", "extractor": "judge", "n_real": 200, "n_generated": 50, "seed": 0}


@dataclass
class Tree:
    """Writer of the files that the stages before `compare` leave under `out`."""

    out: Path
    digits: NDArray[np.uint8]
    epochs: int = 3
    steps_per_epoch: int = 40
    protocol: dict[str, Any] = field(default_factory=lambda: dict(PROTOCOL))

    def dataset(self, name: str) -> None:
        folder = self.out / "prepared" / name
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "heldout_images.npy", self.digits[:50])
        np.save(folder / "train_images.npy", self.digits[100:])

    def run(
        self, experiment: str, fd: float | None, *, seed: int = 0, status: str = "ok", reason: str = "",
        dataset: str = "mnist", sharpness: float = 0.9, labelled: bool = True, coverage: float | None = 1.0,
        title: str = "", curve: dict[str, Any] | None = None, selection: dict[str, Any] | None = None, **train: Any,
    ) -> str:  # fmt: skip
        """Write one run; without `fd` it has no samples and no metrics, like a diverged run.

        curve, selection: entries of the score record.
        """
        self.dataset(dataset)
        name = f"{experiment}-{seed}"
        noise = np.random.default_rng(zlib.crc32(name.encode()))
        self._plan(name, experiment, seed, dataset, title, train)
        self._model(name, status, reason, noise, diverging=status == "diverged")
        if fd is not None:
            blend = min(fd / 200, 1.0)
            samples = (1 - blend) * self.digits[50:100] + blend * noise.integers(0, 256, (50, 1, 28, 28))
            folder = self.out / "samples" / name
            folder.mkdir(parents=True)
            np.save(folder / "images.npy", samples.astype(np.uint8))
        coverage = coverage if labelled else None
        self._score(name, experiment, seed, dataset, status, reason, fd, sharpness, coverage, curve, selection)
        return name

    def _plan(self, name: str, experiment: str, seed: int, dataset: str, title: str, train: dict[str, Any]) -> None:
        shared = {"dataset": dataset, "method": "gan", "network": "dcgan", "loss": "bce", "lr": 0.0002,
                  "batch_size": 128, "generator": {"width": 32}, "betas": [0.5, 0.999], "seed": seed}  # fmt: skip
        plan = {
            "run": name, "experiment": experiment, "seed": seed, "document": "002", "title": title or experiment,
            "train": {**shared, **train}, "sample": {"count": 50, "seed": 0}, "evaluate": {"metrics": ["fd_judge"]},
            "code": {"train": "ab" * 8, "sample": "cd" * 8, "evaluate": "ef" * 8}, "packages": {"torch": "2.14.1"},
        }  # fmt: skip
        self._yaml(f"plan/runs/{name}.yaml", plan)
        key = f"key-{name}".translate(str.maketrans("+=", "__"))
        self._yaml(f"inputs/{name}.yaml", {"data": {"dataset": dataset, "fingerprint": "0f" * 32}, "key": key})

    def _yaml(self, path: str, content: dict[str, Any]) -> None:
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(content))

    def _model(self, name: str, status: str, reason: str, noise: np.random.Generator, diverging: bool) -> None:
        folder = self.out / "models" / name
        (folder / "progress").mkdir(parents=True)
        (folder / "generator.safetensors").write_bytes(name.encode())
        steps = self.epochs * self.steps_per_epoch
        scalars = ["loss_d", "loss_g", "d_real", "d_fake_1", "d_fake_2", "acc_real", "acc_fake"]
        time = np.linspace(0, 1, steps)[:, None]
        values = 0.6 + 0.3 * np.exp(-4 * time) * np.arange(1, 8) / 4 + 0.05 * noise.standard_normal((steps, 7))
        if diverging:
            values[steps // 2 :] = np.nan
            values[steps // 2 - 3 : steps // 2] = np.inf
        with (folder / "history.csv").open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["step", "epoch", "images", *scalars])
            for step, row in enumerate(values, 1):
                epoch = 1 + (step - 1) // self.steps_per_epoch
                writer.writerow([step, epoch, step * 128, *(f"{value:.7g}" for value in row)])
        with (folder / "epochs.csv").open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["epoch", *scalars, "sharpness", "contrast", "diversity"])
            for epoch in range(self.epochs):
                part = (
                    values[epoch * self.steps_per_epoch : (epoch + 1) * self.steps_per_epoch].sum(0)
                    / self.steps_per_epoch
                )
                writer.writerow([epoch + 1, *part, 0.5 + 0.4 * epoch / self.epochs, 0.3, 0.16])
                grid = np.clip(self.digits[100:125] + noise.integers(0, 200 // (epoch + 1), (25, 1, 28, 28)), 0, 255)
                image_grid.save_grid(grid.astype(np.uint8), folder / "progress" / f"epoch-{epoch + 1:04d}.png", 5)
        record = {"status": status, "reason": reason, "steps": steps, "epochs": self.epochs, "images": steps * 128}
        (folder / "status.json").write_text(json.dumps(record))

    def _score(
        self, name: str, experiment: str, seed: int, dataset: str, status: str, reason: str, fd: float | None,
        sharpness: float, coverage: float | None, curve: dict[str, Any] | None, selection: dict[str, Any] | None,
    ) -> None:  # fmt: skip
        key = "-".join(str(value) for value in self.protocol.values()) + dataset
        shared = {"protocol": key}
        metrics: dict[str, Any] = {}
        absent = {"fid": "no weights file: put it into weights/"}
        if fd is not None:
            metrics["fd_judge"] = {
                "value": fd,
                "ratio": None,
                "floor": 1.25,
                "ceiling": 740.0,
                "direction": "lower",
                **shared,
            }
            metrics["sharpness"] = {"value": sharpness, "ratio": sharpness / 0.8, "floor": 0.81, "ceiling": 4.0,
                                    "direction": "real", **shared}  # fmt: skip
            metrics["recall"] = {"value": 1 / (1 + fd / 50), "ratio": None, "floor": 0.98, "ceiling": 0.0,
                                 "direction": "higher", **shared}  # fmt: skip
            for cost, value in (("parameters", 1_200_345.0), ("multiply_adds", 9_400_000.0)):
                metrics[cost] = {"value": value, "floor": None, "ceiling": None, "direction": "lower", **shared}
            if coverage is not None:
                metrics["class_coverage"] = {"value": coverage, "ratio": None, "floor": 1.0, "ceiling": 0.1,
                                             "direction": "higher", **shared}  # fmt: skip
                metrics["label_accuracy"] = {"value": 0.9, "ratio": None, "floor": 0.99, "ceiling": 0.1,
                                             "direction": "higher", **shared}  # fmt: skip
            else:
                absent["label_accuracy"] = "the generator is not conditioned on class labels"
        record = {
            "run": name, "experiment": experiment, "seed": seed, "dataset": dataset,
            "status": status, "reason": reason, "metrics": metrics, "absent": absent,
            "protocols": {key: {**self.protocol, "dataset": dataset}}, "curve": curve, "selection": selection,
        }  # fmt: skip
        path = self.out / "scores" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
