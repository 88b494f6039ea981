"""The served model loads none of the training code."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import save_generator

TRAINING = {
    "training",
    "methods",
    "plan",
    "tracking",
    "records",
    "metrics",
    "compare",
    "report",
    "scheduling",
    "config",
}
PROBE = """
import sys
from types import SimpleNamespace
import pandas
from ganpipe.serve.model import ServedGenerator
served = ServedGenerator()
served.load_context(SimpleNamespace(artifacts={"generator": sys.argv[1]}))
print(len(served.predict(None, pandas.DataFrame([{"count": 2}]))))
print(*sorted(name for name in sys.modules if name.startswith("ganpipe.")))
"""
DESCRIPTIONS = {
    "latent": Description("dcgan", {"width": 4}, 4, 0, 1, 28, "signed"),
    "per_class": Description("mlp", {}, 4, 3, 1, 28, "signed", sampler="per_class"),
    "ddim": Description(
        "unet", {"width": 4}, 256, 0, 1, 16, "signed", sampler="ddim", sampling={"noise_steps": 10, "steps": 2}
    ),
}


@pytest.mark.parametrize("sampler", DESCRIPTIONS)
def test_generator_is_served_without_training_code(sampler: str, tmp_path: Path) -> None:
    description = DESCRIPTIONS[sampler]
    save_generator(description.build(), description, tmp_path)
    completed = subprocess.run([sys.executable, "-c", PROBE, tmp_path], capture_output=True, text=True, check=True)
    count, loaded = completed.stdout.splitlines()[-2:]
    assert count == "2"
    packages = {name.split(".")[1] for name in loaded.split()}
    assert f"ganpipe.sampling.samplers.{sampler}" in loaded.split()
    assert not packages & TRAINING, sorted(packages & TRAINING)
    assert "ganpipe.objectives.losses" not in loaded.split()
