"""The best MNIST images from N minutes of CPU time (docs/record.md has the rules and the records).

    python benchmarks/record.py train dcgan28-cosine edm28 --minutes 3 --seeds 0 1 2
    python benchmarks/record.py evaluate

`train` trains entries of params.yaml, or variations such as edm28+lr=0.001, each in its own process with one thread,
until that process has used the CPU time, imports included. Schedules end when the clock does: before each step the
number of steps is estimated from the speed so far. Divergence is not checked, and no checkpoint is written. The EMA
weights are saved in out/record. Trainings that are there are skipped, so an interrupted command can be repeated.

`evaluate` samples 10,000 images of each, computes `fd_judge` with the judge of the pipeline, and prints a table of
all records. This time is not counted. Run `dvc repro reference@mnist` first: it makes dataset, judge and reference.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
import yaml
from loops import run_in_subprocess

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.determinism import make_deterministic
from ganpipe.common.process import run_script, tune_allocator
from ganpipe.common.random_streams import torch_seed
from ganpipe.config import Training
from ganpipe.data.dataset import load
from ganpipe.methods.common.protocol import Method
from ganpipe.methods.registry import build_method
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.plan.build import make_plan
from ganpipe.plan.layout import JUDGE, OUT, PARAMS, PINS, PLAN, PREPARED, REFERENCE
from ganpipe.plan.resolve import read_params
from ganpipe.sampling.generator import load_generator, save_generator
from ganpipe.training.batching import build_batches

DATASET, METRIC, COUNT = "mnist", "fd_judge", 10_000
RECORDS, RECORD = OUT / "record", "record.json"
SPEED_STEPS, FIRST_GUESS = 50, 10_000
"""Steps after which their speed is known, and the number of steps that schedules assume until then."""


def planned(entry: str, seed: int) -> Training:
    """Return the settings of an entry of params.yaml, or of a variation, on one thread. Raises UserError."""
    content = read_params(PARAMS)
    content["grid"] = {"datasets": [DATASET], "experiments": [entry], "seeds": [seed]}
    content["compute"] |= {"threads": 1}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "params.yaml")
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return Training.model_validate(make_plan(path, PINS).runs[f"{entry}-{seed}"]["train"])


def train(training: Training, seconds: float, folder: Path) -> None:
    """Train until this process has used so many seconds of CPU time, and save the generator and its record."""
    tune_allocator()
    make_deterministic(training.threads)
    dataset, device = load(PREPARED / training.dataset), torch.device("cpu")
    torch.manual_seed(torch_seed(training.seed, "initialisation"))
    method = build_method(training, dataset.shape, len(dataset.classes), device)
    assert isinstance(method, Method)
    batches = build_batches(training, method, dataset, device)
    torch.manual_seed(torch_seed(training.seed, "training"))
    before, step, epoch = time.process_time(), 0, 0
    while time.process_time() < seconds:
        for images, labels in batches.epoch(epoch):
            used = time.process_time()
            if used >= seconds:
                break
            expected = step * (seconds - before) / (used - before) if step >= SPEED_STEPS else FIRST_GUESS
            method.set_step(step, max(round(expected), step + 1))
            method.step(images, labels)
            step += 1
        epoch += 1
    with atomic_folder(folder) as part:
        save_generator(method.image_generator(), method.description(), part)
        write_text(part / RECORD, json.dumps({"steps": step}))


def measure(folder: Path) -> None:
    """Sample a generator and add the metric, and the seconds of CPU time that sampling took, to its record."""
    make_deterministic(1)
    started = time.process_time()
    samples = load_generator(folder).sample(COUNT)
    seconds = time.process_time() - started
    dataset, judge = load(PREPARED / DATASET), load_judge(JUDGE / DATASET)
    plan = yaml.safe_load((PLAN / "datasets" / f"{DATASET}.yaml").read_text(encoding="utf-8"))
    settings = EvaluateSettings.model_validate(plan["evaluate"] | {"metrics": [METRIC]})
    found = evaluate(samples, None, dataset, judge, REFERENCE / DATASET, settings, plan["code"]["reference"])
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    record |= {"sampling": seconds, METRIC: found["metrics"][METRIC]["value"]}
    write_text(folder / RECORD, json.dumps(record))


def print_table() -> None:
    """Print the mean of each entry's records, sorted by time and metric."""
    groups: dict[tuple[float, str], list[dict[str, float]]] = defaultdict(list)
    for path in RECORDS.glob(f"*/*/*/{RECORD}"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if METRIC in record:
            entry, minutes, _ = path.parts[-4:-1]
            groups[float(minutes), entry].append(record)
    print(f"| minutes | entry | {METRIC}, mean | by seed | steps | s to sample {COUNT:,} |")
    print("|---:|---|---:|---|---:|---:|")
    means = {key: statistics.mean(record[METRIC] for record in records) for key, records in groups.items()}
    for minutes, entry in sorted(groups, key=lambda key: (key[0], means[key])):
        records = groups[minutes, entry]
        values = ", ".join(f"{record[METRIC]:.3g}" for record in records)
        steps, sampling = (statistics.mean(record[name] for record in records) for name in ("steps", "sampling"))
        row = f"{minutes:g} | `{entry}` | {means[minutes, entry]:.3g} | {values} | {steps:.0f} | {sampling:.0f}"
        print(f"| {row} |")


def main() -> None:
    """Train entries, or evaluate what was trained and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train entries until the clock stops them")
    training.add_argument("entries", nargs="+", help="keys of `experiments` in params.yaml, or variations of them")
    training.add_argument("--minutes", type=float, default=3, help="of CPU time per training (default: 3)")
    training.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    commands.add_parser("evaluate", help="evaluate what was trained, and print the table")
    chosen = parser.parse_args()
    if chosen.command == "train":
        for entry in chosen.entries:
            for seed in chosen.seeds:
                folder = RECORDS / entry / f"{chosen.minutes:g}" / str(seed)
                if not folder.exists():
                    run_in_subprocess(train, planned(entry, seed), 60 * chosen.minutes, folder)
                    print(f"{entry}, seed {seed}: trained", flush=True)
        return
    for path in sorted(RECORDS.glob(f"*/*/*/{RECORD}")):
        if METRIC not in json.loads(path.read_text(encoding="utf-8")):
            run_in_subprocess(measure, path.parent)
            print(f"{path.parent.relative_to(RECORDS)}: evaluated", flush=True)
    print_table()


if __name__ == "__main__":
    run_script(main)
