"""Where the time of a chain went: seconds and shares of its stages, by the records that they left.

    python benchmarks/share.py

Run it where one `dvc repro` ran from a fresh clone and nothing since: the time in all is from the beginning of the
first stage to the end of the last. A training's seconds are those of its own clock: building networks and optimisers
(a second or two), all steps, and pictures and checkpoints between them. What comes before and after, as importing
PyTorch and filing results, stands among the rest, with DVC's own work.
"""

from collections import defaultdict

from ganpipe.common.checkout import root
from ganpipe.records.store import keys, load


def main() -> None:
    """Print a line for each stage, and for what lies between them."""
    parts = [part for key in keys(root()) for part in load(root(), key).parts.values()]
    if not any(part.name == "report" for part in parts):
        raise SystemExit("no report has been filed here: run `dvc repro` first")
    begun = min(part.started_ms for part in parts) / 1000
    ended = max(part.started_ms / 1000 + part.costs["seconds"] for part in parts if part.name != "train")
    wall = ended - begun
    spent: dict[str, list[float]] = defaultdict(list)
    for part in sorted(parts, key=lambda part: part.started_ms):
        spent[part.name].append(part.costs["seconds"])
    rest = wall - sum(map(sum, spent.values()))
    print(f"{'stage':12} {'times':>5} {'seconds':>8} {'share':>6}")
    for name, seconds in spent.items():
        print(f"{name:12} {len(seconds):5} {sum(seconds):8.0f} {sum(seconds) / wall:6.1%}")
    print(f"{'rest':12} {'':5} {rest:8.0f} {rest / wall:6.1%}\n{'in all':12} {'':5} {wall:8.0f}")


if __name__ == "__main__":
    main()
