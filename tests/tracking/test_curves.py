import json
import random
from pathlib import Path
from typing import Any

import pytest

from ganpipe.records.store import Part
from ganpipe.tracking.curves import POINTS_PER_CURVE, Point, TrainingCurves, class_curves, quality_points
from tests.tracking.conftest import STARTED

COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake_1", "d_fake_2", "accuracy_real", "accuracy_fake")


def part(epochs: int) -> Part:
    return Part("train", "run", STARTED, settings={"train": {"epochs": epochs}})


def history(epochs: int, steps: int) -> list[dict[str, Any]]:
    noise = random.Random(0)
    return [
        {
            "step": step,
            "epoch": 1 + (step - 1) // steps,
            "images": 8 * step,
            **{name: noise.random() for name in COLUMNS},
        }
        for step in range(1, epochs * steps + 1)
    ]


def by_epoch(epochs: int) -> list[dict[str, Any]]:
    return [{"epoch": epoch, "loss_d": 0.5, "sharpness": epoch / 7} for epoch in range(1, epochs + 1)]


def curve(points: list[Point], key: str) -> dict[int, float]:
    found = {point.step: point.value for point in points if point.key == key}
    assert len(found) == sum(point.key == key for point in points), "no point twice"
    return found


def all_at_once(epochs: int, steps: int) -> list[Point]:
    curves = TrainingCurves(part(epochs))
    return curves.add(history(epochs, steps), by_epoch(epochs)) + curves.finish()


@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (2, 6), (5, 400), (100, 93), (1000, 40)])
def test_a_run_has_at_most_1000_points_per_curve_and_8000_in_all(epochs: int, steps: int) -> None:
    points = all_at_once(epochs, steps)
    assert len(points) <= 8000
    for key in {point.key for point in points}:
        assert len(curve(points, key)) <= POINTS_PER_CURVE


def test_short_curves_are_complete() -> None:
    rows = history(2, 6)
    assert list(curve(all_at_once(2, 6), "loss/loss_d")) == [row["step"] for row in rows]


@pytest.mark.parametrize("extreme", [-50.0, 50.0])
def test_peaks_and_the_last_value_survive_thinning(extreme: float) -> None:
    rows = history(100, 93)
    rows[1234]["loss_d"] = extreme
    curves = TrainingCurves(part(100))
    points = curve(curves.add(rows, by_epoch(100)) + curves.finish(), "loss/loss_d")
    assert points[1235] == extreme
    assert points[9300] == pytest.approx(rows[-1]["loss_d"], rel=1e-6)
    assert len(points) < 900


def test_points_logged_epoch_by_epoch_equal_those_of_the_csv_file() -> None:
    rows, epochs = history(40, 93), by_epoch(40)
    live = TrainingCurves(part(40))
    points = [
        point
        for epoch in range(40)
        for point in live.add(rows[93 * epoch : 93 * (epoch + 1)], epochs[epoch : epoch + 1])
    ]
    csv = TrainingCurves(part(40))
    text = [{name: f"{value:.7g}" for name, value in row.items()} for row in rows]
    read = [{name: f"{value:.7g}" for name, value in row.items()} for row in epochs]
    assert sorted(points + live.finish()) == sorted(csv.add(text, read) + csv.finish())


def test_rows_that_were_added_before_are_ignored() -> None:
    """A training that is moved to another node reports all rows so far again."""
    rows, once, twice = history(40, 93), TrainingCurves(part(40)), TrainingCurves(part(40))
    points = once.add(rows, by_epoch(40))
    repeated = twice.add(rows[:930], by_epoch(10)) + twice.add(rows, by_epoch(40))
    assert sorted(points) == sorted(repeated)
    assert once.finish() == twice.finish()


def test_a_training_that_ends_early_has_the_points_that_were_logged_live() -> None:
    rows, epochs = history(40, 93)[:1000], by_epoch(10)
    live, later = TrainingCurves(part(40)), TrainingCurves(part(40))
    logged = live.add(rows[:930], epochs)
    assert set(logged) <= set(later.add(rows, epochs) + later.finish())


def test_means_over_epochs_are_left_to_the_curves_over_steps() -> None:
    points = all_at_once(3, 6)
    assert {point.key for point in points} == {
        "loss/loss_d", "loss/loss_g", "monitor/d_real", "monitor/d_fake_1", "monitor/d_fake_2",
        "monitor/accuracy_real", "monitor/accuracy_fake", "eval_by_epoch/sharpness",
    }  # fmt: skip
    assert curve(points, "eval_by_epoch/sharpness") == {1: 0.1428571, 2: 0.2857143, 3: 0.4285714}


def test_timestamps_are_one_millisecond_per_row() -> None:
    assert {point.timestamp - point.step for point in all_at_once(2, 6)} == {STARTED}


def test_values_that_are_not_finite_are_left_out() -> None:
    rows = history(1, 4)
    rows[1]["loss_d"], rows[3]["loss_d"] = float("inf"), float("nan")
    curves = TrainingCurves(part(1))
    assert list(curve(curves.add(rows, []) + curves.finish(), "loss/loss_d")) == [1, 3]


def test_empty_cells_are_no_points() -> None:
    curves = TrainingCurves(part(1))
    points = curves.add(history(1, 2), [{"epoch": "1", "sharpness": "", "contrast": "0.5"}])
    assert "eval_by_epoch/sharpness" not in {point.key for point in points}


def test_training_without_steps_has_no_curves() -> None:
    curves = TrainingCurves(part(1))
    assert curves.add([], []) + curves.finish() == []


def test_curves_of_classes_are_named_by_metric_and_class() -> None:
    rows = [{"epoch": "1", "class": "ankle boot: old", "sharpness": "0.25", "loss_g": "1.5"}]
    assert class_curves(rows, STARTED) == [
        ("per_class/loss_g/ankle boot_ old", 1.5, STARTED + 1, 1),
        ("per_class/sharpness/ankle boot_ old", 0.25, STARTED + 1, 1),
    ]


@pytest.mark.parametrize(("classes", "most"), [(10, 1500), (100, 1500), (1000, 0)])
def test_curves_of_classes_are_thinned_and_left_out_for_too_many_classes(classes: int, most: int) -> None:
    rows = [
        {"epoch": epoch, "class": str(number), "sharpness": epoch / 7, "loss_g": 1.0}
        for epoch in range(1, 201)
        for number in range(classes)
    ]
    points = class_curves(rows, STARTED)
    assert bool(points) == bool(most)
    assert len(points) <= most


def test_curve_of_the_deciding_metric_is_read_from_the_score_record(tmp_path: Path) -> None:
    score = tmp_path / "score.json"
    score.write_text(
        json.dumps({"curve": {"metric": "fd_judge", "samples": 9, "epochs": [1, 2], "values": [7.5, 3.0]}})
    )
    expected = [
        Point("eval_by_epoch/fd_judge", 7.5, STARTED + 1, 1),
        Point("eval_by_epoch/fd_judge", 3.0, STARTED + 2, 2),
    ]
    assert quality_points(score, STARTED) == expected
    score.write_text(json.dumps({"curve": None}))
    assert quality_points(score, STARTED) == []
