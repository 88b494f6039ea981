"""Quality over training: the chart in the report and the table for DVC."""

import csv
import json
from typing import Any

from ganpipe.report.report import report
from tests.output_tree import Tree
from tests.report.pages import SELECT, page


def curve(*values: float, metric: str = "fd_judge", samples: int = 2000) -> dict[str, Any]:
    epochs = [2**index for index in range(len(values))]
    return {"metric": metric, "samples": samples, "epochs": epochs, "values": list(values)}


def alts(tree: Tree) -> list[str]:
    _, parsed = page(tree)
    return [alt for image in parsed.all("img") if "over the epochs" in (alt := str(image["alt"]))]


def test_chart_states_the_ends_of_every_curve(tree: Tree) -> None:
    tree.run("a", 20.0, curve=curve(900.0, 100.0, 21.0))
    tree.run("b", 30.0, curve=curve(800.0, 31.0))
    tree.run("c", None, status="diverged", reason="weights are not finite")
    assert alts(tree) == [
        "Line chart of fd_judge over the epochs: a-0 from 900 after epoch 1 to 21.0 after epoch 4, "
        "b-0 from 800 after epoch 1 to 31.0 after epoch 2."
    ]
    markdown = (tree.out / "report" / "report.md").read_text()
    assert "of 2,000 samples after the epoch" in markdown


def test_caption_names_trainings_that_were_better_before_the_end(tree: Tree) -> None:
    tree.run("a", 20.0, curve=curve(900.0, 15.0, 21.0))
    tree.run("b", 30.0, curve=curve(800.0, 30.0, 31.0))
    text, _ = page(tree)
    assert "Better before the end: a-0 after epoch 2 (15.0, at the end 21.0)." in text


def test_chosen_generators_are_marked_and_named(tree: Tree) -> None:
    chosen = {**curve(800.0, 14.0, 20.0), "epoch": 2, "images": 500}
    tree.run("a", 20.0, curve=curve(900.0, 15.0, 21.0), selection=chosen)
    tree.run("b", 30.0, curve=curve(800.0, 31.0))
    text, _ = page(tree)
    named = "Generators selected by fd_judge on 500 training images set aside: a-0 after epoch 2 of 4."
    assert named in text and "Circles mark the generators that were selected" in text
    assert "Better before the end" not in text, "the better one was sampled"
    marked = (tree.out / "report" / "figures" / "quality-mnist.png").read_bytes()
    score = tree.out / "scores" / "a-0.json"
    score.write_text(json.dumps(json.loads(score.read_text()) | {"selection": None}))
    text, _ = page(tree)
    assert "Generators selected" not in text and "Better before the end: a-0" in text
    assert (tree.out / "report" / "figures" / "quality-mnist.png").read_bytes() != marked


def test_no_chart_of_single_points(tree: Tree) -> None:
    tree.run("a", 20.0, curve=curve(21.0))
    tree.run("b", 30.0)
    assert alts(tree) == []


def test_curves_measured_in_another_way_are_not_drawn(tree: Tree) -> None:
    tree.run("a", 20.0, curve=curve(90.0, 21.0))
    tree.run("b", 30.0, curve=curve(80.0, 31.0, samples=500))
    tree.run("c", 40.0, curve=curve(0.5, 0.1, metric="kid_imagenet"))
    [alt] = alts(tree)
    assert "a-0" in alt and "b-0" not in alt and "c-0" not in alt


def test_table_has_one_row_per_point(tree: Tree) -> None:
    tree.run("a", 20.0, curve=curve(90.0, 21.5))
    tree.run("b", 30.0)
    report(tree.out, SELECT)
    with (tree.out / "report" / "quality.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows == [
        {"run": "a-0", "metric": "fd_judge", "samples": "2000", "epoch": "1", "value": "90"},
        {"run": "a-0", "metric": "fd_judge", "samples": "2000", "epoch": "2", "value": "21.5"},
    ]
