import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.search.edit_params import as_yaml, with_values
from tests.conftest import REPOSITORY

CHANGES = {
    ("grid", "experiments"): ["one", "other"],
    ("budget", "epochs"): 7,
    ("select", "confidence"): 0.9,
    ("experiments", "found-one"): {"document": "own", "title": "T: x", "lr": 0.003, "generator": {"width": 8}},
}


def test_only_the_lines_of_the_changed_values_differ() -> None:
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    before, after = text.splitlines(), with_values(text, CHANGES).splitlines()
    assert sorted(set(before) - set(after)) == sorted(
        line for line in before if line.startswith(("  experiments: [", "  epochs: 3 "))
    )
    assert len(after) == len(before) + 2
    assert sum("#" in line for line in after) == sum("#" in line for line in before)


@pytest.mark.parametrize(
    "text",
    [
        "grid: {experiments: [a], seeds: [0]}\nbudget: {}\nselect:\n  metric: fd\nexperiments:\n  a: {}\n",
        "grid:\n  experiments:\n    - a\n    - b  # kept\n\n  seeds: [0]\nselect: {metric: fd}\nexperiments: {}\n",
        "grid:\n  experiments:  # kept\n  - a\n  - b\n  seeds:\n  - 0\nselect:\n  metric: fd\nexperiments: {}\n",
        "experiments:\n    a:\n        lr: 1\nselect:\n    metric: fd\ngrid:\n    experiments: [\n      a,\n    ]\n",
    ],
)
def test_every_layout_ends_with_the_same_content(text: str) -> None:
    changed = yaml.safe_load(with_values(text, CHANGES))
    expected = yaml.safe_load(text)
    for (section, key), value in CHANGES.items():
        expected.setdefault(section, {})[key] = value
    assert changed == expected
    assert ("# kept" in text) == ("# kept" in with_values(text, CHANGES))


def test_what_cannot_be_edited_is_rejected() -> None:
    text = "grid: &shared {experiments: [a]}\nselect: *shared\n"
    with pytest.raises(UserError, match="could not be edited"):
        with_values(text, {("grid", "experiments"): ["b"]})


def test_changes_are_shown_as_sections() -> None:
    assert yaml.safe_load(as_yaml(CHANGES))["grid"] == {"experiments": ["one", "other"]}
