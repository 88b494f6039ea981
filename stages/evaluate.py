"""Measure a run's samples: every metric with its floor, its ceiling and its protocol."""

import json

import numpy as np
import torch

from ganpipe.common.atomic import write_text
from ganpipe.common.progress import working
from ganpipe.data.dataset import load
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.plan.layout import JUDGE, METRICS, MODELS, PREPARED, REFERENCE, SAMPLES, SCORES, run_plan
from ganpipe.sampling.generator import load_generator
from ganpipe.stage import Stage, run_stage


def work(stage: Stage) -> None:
    run, plan = stage.name, run_plan(stage.name)
    settings, dataset = EvaluateSettings.model_validate(plan["evaluate"]), plan["train"]["dataset"]
    status = json.loads((SAMPLES / run / "status.json").read_text(encoding="utf-8"))
    record = {
        "run": run,
        "experiment": plan["experiment"],
        "seed": plan["seed"],
        "dataset": dataset,
        "status": status["status"],
        "reason": status["reason"],
        "metrics": {},
        "absent": {},
        "protocols": {},
    }
    if (SAMPLES / run / "images.npy").exists():
        generator = load_generator(MODELS / run)
        told = SAMPLES / run / "labels.npy"  # where the generator was told classes
        with working(f"evaluate@{run}"):
            record |= evaluate(
                np.load(SAMPLES / run / "images.npy", mmap_mode="r", allow_pickle=False),
                np.load(told, allow_pickle=False) if told.exists() else None,
                load(PREPARED / dataset),
                load_judge(JUDGE / dataset),
                REFERENCE / dataset,
                settings,
                plan["code"]["evaluate"],
                Sampler(generator.network, lambda count: torch.from_numpy(generator.sample(count))),
            )
    write_text(SCORES / f"{run}.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
    numbers = {metric: entry["value"] for metric, entry in record["metrics"].items()}
    write_text(METRICS / f"{run}.json", json.dumps(numbers, indent=1) + "\n")
    print(f"{run}: " + (", ".join(f"{metric} {value:.4g}" for metric, value in numbers.items()) or record["status"]))
    stage.conclude(threads=settings.threads)


if __name__ == "__main__":
    run_stage("evaluate", work)
