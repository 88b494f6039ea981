import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.config import SelectSettings
from ganpipe.report.per_class import grade
from ganpipe.report.report import report
from tests.output_tree import Tree
from tests.report.pages import Page, files

SELECT = SelectSettings(metric="fd_judge")
NAMES = ("ankle boot", "<b>bag</b>", "coat")


def write_classes(tree: Tree, name: str) -> Path:
    """Write the files of a per-class training: the first class is excellent, the second fair, the third failed."""
    folder = tree.out / "models" / name
    with (folder / "classes.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        metrics = ("sharpness", "contrast", "diversity")
        writer.writerow(("epoch", "class", "loss_d", "loss_g", "smoothed_loss_g", "quality", *metrics))
        for epoch in range(1, 13):
            writer.writerow((epoch, NAMES[0], 1.3, 0.8, 0.9, 0.813, 0.19, 0.26, 0.15))
            writer.writerow((epoch, NAMES[1], 0.9, 1.9, 1.8, 0.331, 0.24, 0.25, 0.15))
            writer.writerow((epoch, NAMES[2], 0.1, 6.0, 5.0, 0.0135, 0.20, 0.25, 0.15))
    rows = "".join(f"{name},0.2,0.25,0.15\n" for name in NAMES)
    (folder / "real_classes.csv").write_text("class,sharpness,contrast,diversity\n" + rows)
    (folder / "panels").mkdir()
    for epoch in (5, 10, 12):
        Image.new("L", (60, 30), 200).save(folder / "panels" / f"epoch-{epoch:04}.png")
    np.save(tree.out / "samples" / name / "labels.npy", np.arange(50) % 3)
    return folder


def test_per_class_run_has_its_own_section(tree: Tree) -> None:
    tree.run("plain", 30.0)
    write_classes(tree, tree.run("digits", 20.0, method="per_class"))
    report(tree.out, SELECT)
    text = (tree.out / "report" / "report.html").read_text()
    page = Page(text)
    assert text.count("Per class: digits-0") == 1
    assert "&lt;b&gt;bag&lt;/b&gt;" in text
    alts = [str(image["alt"]) for image in page.all("img")]
    assert [alt for alt in alts if "3 rows, one per class, of 10 images each" in alt]
    assert [alt.split(" of ")[0] for alt in alts if alt.startswith("One row per class after")] == [
        f"One row per class after epoch {epoch}" for epoch in (5, 10, 12)
    ]
    body = text[text.index("Per class: digits-0") :]
    row = {name: body[body.index(f'scope="row">{name}') :].split("</tr>")[0] for name in ("ankle boot", "coat")}
    assert "0.190 (0.95)" in row["ankle boot"] and "Excellent" in row["ankle boot"]
    assert "Needs Improvement" in row["coat"]
    assert "Per class: digits" in (tree.out / "report" / "report.md").read_text()


def test_other_methods_have_no_per_class_section(tree: Tree) -> None:
    tree.run("plain", 30.0)
    report(tree.out, SELECT)
    assert "Per class" not in (tree.out / "report" / "report.html").read_text()
    assert not [name for name in files(tree.out / "report") if "classes" in name]


def test_run_that_diverged_in_its_first_epoch_has_no_per_class_section(tree: Tree) -> None:
    tree.run("plain", 30.0)
    folder = tree.out / "models" / tree.run("failed", None, status="diverged", reason="at step 1")
    (folder / "classes.csv").write_text("epoch,class,loss_d\n")
    report(tree.out, SELECT)
    assert "Per class" not in (tree.out / "report" / "report.html").read_text()


def test_damaged_class_table_is_reported_by_path(tree: Tree) -> None:
    folder = write_classes(tree, tree.run("digits", 20.0))
    (folder / "classes.csv").write_text("epoch,class,loss_d\n1,coat,many\n")
    with pytest.raises(UserError, match=r"classes\.csv.*dvc repro"):
        report(tree.out, SELECT)


@pytest.mark.parametrize(
    ("quality", "ratios", "expected"),
    [
        (0.3, (1.0, 0.91, 1.09), "Excellent"),
        (0.29, (1.0, 1.0, 1.0), "Good"),
        (0.9, (1.0, 0.8, 1.0), "Good"),
        (0.9, (1.0, 1.3, 1.0), "Needs Improvement"),
        (0.14, (1.0, 1.0, 1.0), "Needs Improvement"),
        (float("nan"), (1.0, 1.0, 1.0), "Needs Improvement"),
    ],
)
def test_grade_needs_both_quality_and_ratios(quality: float, ratios: tuple[float, ...], expected: str) -> None:
    assert grade(quality, ratios) == expected
