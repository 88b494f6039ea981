"""Seconds and share of each stage of the last `dvc repro`, from the records of the stages.

    python benchmarks/stage_times.py

Run it in a clone in which one `dvc repro` has run and nothing since: the total time is from the start of the first
stage to the end of the last. The seconds of a training are those of its own clock: building networks and optimisers
(one or two seconds), all steps, and the images and checkpoints between the epochs. Imports before it, records after it
and DVC's own work count as rest.
"""

from collections import defaultdict

from ganpipe.common.checkout import root
from ganpipe.records.store import keys, load


def main() -> None:
    """Print one line per stage, and one for the time between the stages."""
    parts = [part for key in keys(root()) for part in load(root(), key).parts.values()]
    if not any(part.name == "report" for part in parts):
        raise SystemExit("no record of a report found. Run `dvc repro` first.")
    started = min(part.started_ms for part in parts) / 1000
    ended = max(part.started_ms / 1000 + part.costs["seconds"] for part in parts if part.name != "train")
    wall = ended - started
    spent: dict[str, list[float]] = defaultdict(list)
    for part in sorted(parts, key=lambda part: part.started_ms):
        spent[part.name].append(part.costs["seconds"])
    rest = wall - sum(map(sum, spent.values()))
    print(f"{'stage':12} {'times':>5} {'seconds':>8} {'share':>6}")
    for name, seconds in spent.items():
        print(f"{name:12} {len(seconds):5} {sum(seconds):8.0f} {sum(seconds) / wall:6.1%}")
    print(f"{'rest':12} {'':5} {rest:8.0f} {rest / wall:6.1%}\n{'total':12} {'':5} {wall:8.0f}")


if __name__ == "__main__":
    main()
