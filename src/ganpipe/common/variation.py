"""Names of variations: `<experiment>+<setting>=<value>+...`, such as `e03-dcgan+lr=0.001+generator.width=32`.

The name of a variation is its whole definition; `ganpipe.plan.variations` resolves it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product


def base_name(name: str) -> str:
    """Return the catalogue entry of an experiment or variation."""
    return name.partition("+")[0]


def overrides_of(name: str) -> dict[str, str]:
    """Return the settings that a variation changes, as text: dotted path -> value; empty for a catalogue entry."""
    return dict(term.split("=", 1) for term in name.split("+")[1:])


def grid_of(experiments: Iterable[str], axes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of the product: every experiment with every combination of the axes' values.

    axes: dotted path of a setting -> its values. The last axis varies fastest.
    """
    combinations = list(product(*([f"+{path}={value}" for value in values] for path, values in axes.items())))
    return [name + "".join(combination) for name in experiments for combination in combinations]
