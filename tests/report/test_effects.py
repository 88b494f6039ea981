"""The report of a grid with variations."""

from itertools import product

import pytest

from ganpipe.report.summary import summary
from tests.output_tree import Tree
from tests.report.pages import page


def vary(tree: Tree, seeds: int = 2, widths: tuple[int, ...] = ()) -> None:
    """Write a factorial grid in which a learning rate of 0.002 doubles the distance."""
    for lr, batch_size, width, seed in product((0.001, 0.002), (64, 128), widths or (16,), range(seeds)):
        name = f"e03+lr={lr}+batch_size={batch_size}" + (f"+generator.width={width}" if widths else "")
        train = {"lr": lr, "batch_size": batch_size, "generator": {"width": width}}
        tree.run(name, 20 * (lr / 0.001) * (1 + 0.001 * batch_size) + 0.1 * seed, seed=seed, **train)


def test_two_settings_have_sentences_a_table_and_a_heat_map(tree: Tree) -> None:
    vary(tree)
    text, parsed = page(tree)
    assert "What the settings of e03 did" in text
    assert "lr: 0.001 is best (95 % confidence)." in text
    assert any("Heat map of lr 0.001, batch_size 64: 21" in str(image["alt"]) for image in parsed.all("img"))


def test_more_settings_are_drawn_as_parallel_coordinates(tree: Tree) -> None:
    vary(tree, widths=(8, 16))
    _, parsed = page(tree)
    assert any(str(image["alt"]).startswith("Parallel coordinates of lr 0.001") for image in parsed.all("img"))


def test_one_seed_is_not_called_best(tree: Tree) -> None:
    vary(tree, seeds=1)
    assert "lr: 0.001 is best in one training seed, which establishes nothing." in page(tree)[0]


def test_a_grid_without_variations_has_no_effects(tree: Tree) -> None:
    tree.run("a", 20.0)
    tree.run("b", 30.0)
    assert "What the settings of" not in page(tree)[0]


def test_the_terminal_shows_the_same_sentences(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    vary(tree)
    page(tree)
    monkeypatch.setenv("DVC_ROOT", str(tree.out.parent))
    assert "Settings of e03:\n- lr: 0.001 is best (95 % confidence)." in summary(tree.out)
