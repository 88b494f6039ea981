import csv
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.compare.history import smoothed
from ganpipe.config import SelectSettings
from ganpipe.report.report import report
from ganpipe.tracking.linked_report import RUN_NAME
from tests.output_tree import Tree
from tests.report.pages import SELECT, TEMPLATES, files, grid, page


def test_report_contains_all_sections(tree: Tree) -> None:
    grid(tree)
    text, _ = page(tree)
    for expected in (
        "e02-dcgan leads on mnist, not established from one seed",
        "loss_d became infinite at step 57",
        "Nearest training images",
        "Image quality",
        "Classification",
        "Losses",
        "Cost",
        "Settings that differ",
        "noise",
        "Hashes from the data to the samples",
        "n_generated: 50",
        "torch 2.14.1",
    ):
        assert expected in text
    assert {"ranking.json", "report.html", "report.md", "history.csv", "epochs.csv"} <= files(
        tree.out / "report"
    ).keys()


def test_every_run_is_named_where_its_link_to_mlflow_goes(tree: Tree) -> None:
    grid(tree)
    named = {found[2] for found in RUN_NAME.finditer(page(tree)[0])}
    assert named >= {"e02-dcgan-0", "e01-lsgan-0", "mlp-0"}


def test_ranked_metric_is_defined_and_samples_have_rank_and_value(tree: Tree) -> None:
    grid(tree)
    text, _ = page(tree)
    assert "<strong>fd_judge</strong>: Fréchet distance between generated and real images" in text
    assert "<strong>e02-dcgan-0</strong><br>rank 1 · 21.4" in text
    assert "<dt>sharpness</dt><dd>variance of the Laplacian</dd>" in text


def test_title_is_shown_unless_it_repeats_the_name(tree: Tree) -> None:
    tree.run("a", 20.0, title="A title")
    tree.run("b", 30.0, title="b")
    assert page(tree)[0].count('<span class="title">') == 1


def test_page_is_well_formed_and_self_contained(tree: Tree) -> None:
    grid(tree)
    text, parsed = page(tree)
    assert parsed.all("html") == [{"lang": "en"}]
    assert len(parsed.all("h1")) == 1
    assert all(image["alt"] for image in parsed.all("img"))
    sources = [value for _, attributes in parsed.tags for key, value in attributes.items() if key in ("src", "href")]
    assert all(str(source).startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://|url\(|@import|<script", text)
    identifiers = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    named = [attributes["aria-labelledby"] for _, attributes in parsed.tags if "aria-labelledby" in attributes]
    assert {f"#{name}" for name in identifiers} >= {str(source) for source in sources if str(source).startswith("#")}
    assert set(named) <= set(identifiers)
    assert all(header["scope"] in ("col", "row") for header in parsed.all("th"))
    assert len(parsed.all("caption")) == len(parsed.all("table"))


def test_same_input_gives_the_same_bytes_in_any_folder(trees: Callable[[str], Tree]) -> None:
    reports = []
    for name in ("one", "two/nested/folders"):
        tree = trees(name)
        grid(tree)
        report(tree.out, SELECT)
        reports.append(files(tree.out / "report"))
    assert reports[0].keys() == reports[1].keys()
    assert [name for name, content in reports[0].items() if content != reports[1][name]] == []


def test_text_from_files_is_escaped(tree: Tree) -> None:
    tree.run("a", 20.0, title="<script>alert(1)</script>", loss="<b>&|$x_1$")
    tree.run("b", None, status="diverged", reason="<img src=x onerror=alert(1)> | ![x](y)")
    text, parsed = page(tree)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert all("onerror" not in image for image in parsed.all("img"))
    markdown = (tree.out / "report" / "report.md").read_text()
    assert "<img" not in markdown.replace("\\<img", "")
    assert r"\| \!\[x\]\(y\)" in markdown


def test_every_image_link_of_the_markdown_page_exists(tree: Tree) -> None:
    grid(tree)
    report(tree.out, SELECT)
    markdown = (tree.out / "report" / "report.md").read_text()
    links = re.findall(r"\]\((figures/[^)]+)\)", markdown)
    assert links
    assert [link for link in links if not (tree.out / "report" / link).exists()] == []
    assert str(tree.out) not in markdown


def test_animation_plays_only_on_request(tree: Tree) -> None:
    tree.run("a", 20.0)
    _, parsed = page(tree)
    moving = [attributes for attributes in parsed.all("details") if attributes.get("class") == "motion"]
    assert moving == [{"class": "motion"}]  # closed
    assert (
        len([image for image in parsed.all("img") if "after epoch" in str(image["alt"])]) == tree.epochs
    )  # still images
    css = (TEMPLATES / "style.css").read_text()
    assert "details.motion { display: none; }" in css[css.index("@media print") :]
    assert "@media (prefers-reduced-motion: reduce)" in css


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("block", range(3))  # light, dark, print
def test_text_has_enough_contrast(block: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (TEMPLATES / "style.css").read_text(), re.S)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]+);", blocks[block]))
    for foreground in ("ink", "quiet", "accent", "bad"):
        for background in ("paper", "card", "band"):
            light, dark = sorted((luminance(colours[foreground]), luminance(colours[background])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (foreground, background)


def test_smoothing_keeps_the_mean_and_the_gaps() -> None:
    values = np.array([1.0, 3.0] * 20)
    assert np.abs(smoothed(values)[5:-5] - 2).max() < 0.2
    values[7] = np.nan
    assert np.flatnonzero(np.isnan(smoothed(values))).tolist() == [7]
    assert smoothed(np.array([5.0])).tolist() == [5.0]
    assert smoothed(np.array([])).tolist() == []


def test_every_dataset_has_its_own_ranking(tree: Tree) -> None:
    tree.run("a", 20.0)
    tree.run("b", 10.0, dataset="fashion")
    _, parsed = page(tree)
    assert len(parsed.all("article")) == 2
    assert len(parsed.all("h1")) == 1


def test_every_region_of_several_datasets_has_its_own_name(tree: Tree) -> None:
    grid(tree)
    tree.run("b", 10.0, dataset="fashion")
    text, parsed = page(tree)
    regions = [attributes for tag, attributes in parsed.tags if tag == "section" or attributes.get("role") == "region"]
    names = [
        attributes.get("aria-label") or accessible_name(text, str(attributes["aria-labelledby"]))
        for attributes in regions
    ]
    assert [name for name in names if names.count(name) > 1] == []


def accessible_name(text: str, identifier: str) -> str:
    content = re.search(rf'id="{identifier}">(.*?)</(?:h\d|caption)>', text)
    assert content is not None
    return re.sub("<.*?>", "", content[1])


def test_run_removed_from_the_plan_is_removed_from_the_report(tree: Tree) -> None:
    tree.run("removed", 1.0)
    tree.run("kept", 20.0)
    report(tree.out, SELECT)
    (tree.out / "plan" / "runs" / "removed-0.yaml").unlink()
    ranking = report(tree.out, SELECT)
    assert [place.experiment for place in ranking.winners] == ["kept"]
    remaining = files(tree.out / "report")
    assert b"removed" not in b"".join(remaining.values())
    assert not [name for name in remaining if "removed" in name]


def test_missing_score_is_reported_with_the_run_and_the_command(tree: Tree) -> None:
    tree.run("a", 20.0)
    (tree.out / "scores" / "a-0.json").unlink()
    with pytest.raises(UserError, match=r"a-0.*dvc repro"):
        report(tree.out, SELECT)


def test_failed_ranking_keeps_the_last_report(tree: Tree) -> None:
    tree.run("a", 20.0)
    report(tree.out, SELECT)
    before = files(tree.out / "report")
    with pytest.raises(UserError, match="no run has nonsense"):
        report(tree.out, SelectSettings(metric="nonsense"))
    assert files(tree.out / "report") == before


def test_plot_tables_are_bounded_and_finite(tree: Tree) -> None:
    tree.steps_per_epoch = 400
    grid(tree)
    report(tree.out, SELECT)
    with (tree.out / "report" / "history.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0])[:4] == ["run", "step", "epoch", "loss_d"]
    assert {row["run"] for row in rows} == {"e02-dcgan-0", "e01-lsgan-0", "mlp-0"}
    assert len(rows) <= 3 * 120
    assert rows[-1]["run"] == "mlp-0"
    assert (rows[-1]["step"], rows[-1]["loss_d"]) == ("1200", "")  # diverged: an empty cell, not `nan`
    with (tree.out / "report" / "epochs.csv").open() as handle:
        assert next(csv.reader(handle))[:2] == ["run", "epoch"]


def test_animation_shows_all_epochs_and_pauses_on_the_last(tree: Tree) -> None:
    tree.run("a", 20.0)
    report(tree.out, SELECT)
    with Image.open(tree.out / "report" / "figures" / "progress-a-0.png") as animation:
        assert getattr(animation, "n_frames", 1) == tree.epochs
        animation.seek(tree.epochs - 1)
        assert animation.info["duration"] == 2000


def test_ranking_json_contains_the_winner_and_the_hashes(tree: Tree) -> None:
    grid(tree)
    report(tree.out, SELECT)
    record = json.loads((tree.out / "report" / "ranking.json").read_text())
    assert record["boards"][0]["places"][0]["best_run"] == "e02-dcgan-0"
    assert record["boards"][0]["unranked"][0]["experiment"] == "mlp"
    assert record["chains"]["e02-dcgan-0"]["data"] == "0f" * 32
    assert record["chains"]["mlp-0"]["samples"] is None
