import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganpipe.compare.report as report_module
from ganpipe.compare.history import smoothed
from ganpipe.compare.report import report
from ganpipe.compare.settings import SelectSettings
from ganpipe.errors import UserError
from tests.compare.conftest import Tree

TEMPLATES = Path(report_module.__file__).parent / "templates"
SELECT = SelectSettings(metric="fd_judge")


class Page(HTMLParser):
    """Tags of a page, and whether each opened one is closed in order."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(tree: Tree) -> tuple[str, Page]:
    report(tree.out, SELECT)
    text = (tree.out / "report" / "report.html").read_text()
    return text, Page(text)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def grid(tree: Tree) -> None:
    tree.run("e02-dcgan", 21.4, lr=0.001, title="DCGAN, faster")
    tree.run("e01-lsgan", 44.5, loss="least_squares", labelled=False)
    tree.run("mlp", None, status="diverged", reason="loss_d became infinite at step 57")


def test_the_report_holds_all_its_parts(tree: Tree) -> None:
    grid(tree)
    text, _ = page(tree)
    for expected in (
        "e02-dcgan makes the best images of mnist",
        "loss_d became infinite at step 57",
        "Nearest training images",
        "Image quality",
        "Classification",
        "Losses",
        "Cost",
        "Settings that differ",
        "noise",
        "Hash chain",
        "n_generated: 50",
        "torch 2.14.1",
    ):
        assert expected in text
    assert {"ranking.json", "report.html", "report.md", "history.csv", "epochs.csv"} <= files(
        tree.out / "report"
    ).keys()


def test_the_page_is_whole_and_loads_nothing(tree: Tree) -> None:
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


def test_the_same_files_give_the_same_bytes_wherever_they_lie(trees: Callable[[str], Tree]) -> None:
    reports = []
    for name in ("here", "there/and/deeper"):
        tree = trees(name)
        grid(tree)
        report(tree.out, SELECT)
        reports.append(files(tree.out / "report"))
    assert reports[0].keys() == reports[1].keys()
    assert [name for name, content in reports[0].items() if content != reports[1][name]] == []


def test_what_comes_from_files_is_escaped(tree: Tree) -> None:
    tree.run("a", 20.0, title="<script>alert(1)</script>", loss="<b>&|$x_1$")
    tree.run("b", None, status="diverged", reason="<img src=x onerror=alert(1)> | ![x](y)")
    text, parsed = page(tree)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert all("onerror" not in image for image in parsed.all("img"))
    markdown = (tree.out / "report" / "report.md").read_text()
    assert "<img" not in markdown.replace("\\<img", "")
    assert r"\| \!\[x\]\(y\)" in markdown


def test_every_figure_of_the_markdown_page_is_there(tree: Tree) -> None:
    grid(tree)
    report(tree.out, SELECT)
    markdown = (tree.out / "report" / "report.md").read_text()
    links = re.findall(r"\]\((figures/[^)]+)\)", markdown)
    assert links
    assert [link for link in links if not (tree.out / "report" / link).exists()] == []
    assert str(tree.out) not in markdown


@pytest.mark.parametrize("failed", [1, 2])
def test_a_grid_without_any_sound_run_still_has_a_page(tree: Tree, failed: int) -> None:
    for number in range(failed):
        tree.run(f"e{number}", None, status="diverged", reason="weights are not finite")
    text, _ = page(tree)
    assert "No run on mnist could be ranked" in text
    assert "None is better" not in text


def test_a_run_that_failed_before_its_first_step_is_shown(tree: Tree) -> None:
    tree.run("a", 20.0)
    name = tree.run("b", None, status="diverged", reason="at once")
    header = (tree.out / "models" / name / "history.csv").read_text().splitlines()[0]
    (tree.out / "models" / name / "history.csv").write_text(header + "\n")
    (tree.out / "models" / name / "epochs.csv").unlink()
    assert "at once" in page(tree)[0]


def test_of_many_experiments_the_first_have_colours_and_the_others_are_grey(tree: Tree) -> None:
    tree.steps_per_epoch = 4
    for number in range(12):
        tree.run(f"e{number:02d}", 20.0 + number)
    text, parsed = page(tree)
    [caption] = [str(image["alt"]) for image in parsed.all("img") if "Loss of D: bce" in str(image["alt"])]
    assert "e06-0" in caption and "e07-0" not in caption and caption.endswith("and 5 more.")
    assert "the first 7 experiments have one, the others are grey" in text
    chips = {attributes["class"] for attributes in parsed.all("span") if "chip" in str(attributes.get("class"))}
    assert chips == {f"chip c{place}" for place in range(7)}


def test_losses_of_different_objectives_never_share_an_axis(tree: Tree) -> None:
    grid(tree)
    _, parsed = page(tree)
    alts = [str(image["alt"]) for image in parsed.all("img")]
    [bce] = [alt for alt in alts if alt.startswith("Line chart of Loss of G: bce, loss (bce), over the training step")]
    [squares] = [alt for alt in alts if alt.startswith("Line chart of Loss of G: least squares")]
    assert "e02-dcgan-0" in bce and "mlp-0" in bce and "e01-lsgan-0" not in bce
    assert "e01-lsgan-0" in squares and "e02-dcgan-0" not in squares
    assert len([alt for alt in alts if alt.startswith("Line chart of D(x)")]) == 1


def test_failed_runs_stand_with_their_reason_and_last_pictures(tree: Tree) -> None:
    tree.run("sound", 20.0)
    tree.run("dull", 600.0, status="collapsed", reason="images differ only 2.0% as much as real ones do")
    tree.run("sure", 40.0, status="saturated", reason="D told 99.95% apart")
    text, parsed = page(tree)
    failures = text[text.index('<ul class="failures">') :]
    failures = failures[: failures.index("</ul>")]
    for words in ("dull-0", "collapsed", "images differ only 2.0%", "sure-0", "saturated", "99.95%", "after epoch 3"):
        assert words in failures
    assert "sound-0" not in failures
    # a collapsed run holds no rank, a saturated one does
    assert "not ranked: collapsed" in text and "2. <span" in text and "3. <span" not in text
    assert "runs compared</dt><dd>3, 2 failed" in text
    assert len([image for image in parsed.all("img") if str(image["alt"]).startswith("Grid of the first 25")]) >= 3


def test_a_run_on_unlabelled_data_has_no_classes(tree: Tree) -> None:
    tree.run("a", 20.0, labelled=False)
    tree.run("b", 30.0, labelled=False)
    text, _ = page(tree)
    assert "Classification" not in text
    assert "the generator is not told classes" in text
    assert "Image quality" in text


def test_a_single_run_is_compared_with_real_images_and_noise_alone(tree: Tree) -> None:
    tree.run("a", 20.0)
    text, _ = page(tree)
    assert "a on mnist" in text and "The only ranked experiment" in text
    assert "lead over" not in text and "Settings that differ" not in text


def test_seeds_share_a_row_with_their_spread_and_have_pictures_of_their_own(tree: Tree) -> None:
    for seed in range(3):
        tree.run("a", 20.0 + seed, seed=seed)
        tree.run("b", 40.0 + seed, seed=seed, status="diverged" if seed == 1 else "ok", reason="not finite")
    text, parsed = page(tree)
    assert "21.0 ± 1.0" in text
    assert "(1 of 3 seeds)" in text
    assert {f"Grid of the first 25 images generated by a-{seed}." for seed in range(3)} <= {
        image["alt"] for image in parsed.all("img")
    }


def test_nothing_moves_unless_asked(tree: Tree) -> None:
    tree.run("a", 20.0)
    _, parsed = page(tree)
    moving = [attributes for attributes in parsed.all("details") if attributes.get("class") == "motion"]
    assert moving == [{"class": "motion"}]  # closed
    assert len([image for image in parsed.all("img") if "after epoch" in str(image["alt"])]) == tree.epochs  # stills
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
def test_text_stands_out_from_its_background(block: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (TEMPLATES / "style.css").read_text(), re.S)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]+);", blocks[block]))
    for text in ("ink", "quiet", "accent", "bad"):
        for ground in ("paper", "card", "band"):
            light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_smoothing_keeps_the_mean_and_leaves_gaps_open() -> None:
    values = np.array([1.0, 3.0] * 20)
    assert np.abs(smoothed(values)[5:-5] - 2).max() < 0.2
    values[7] = np.nan
    assert np.flatnonzero(np.isnan(smoothed(values))).tolist() == [7]
    assert smoothed(np.array([5.0])).tolist() == [5.0]
    assert smoothed(np.array([])).tolist() == []


def test_each_dataset_has_its_own_ranking(tree: Tree) -> None:
    tree.run("a", 20.0)
    tree.run("b", 10.0, dataset="fashion")
    _, parsed = page(tree)
    assert len(parsed.all("article")) == 2
    assert len(parsed.all("h1")) == 1


def test_a_run_that_left_the_plan_leaves_the_report(tree: Tree) -> None:
    tree.run("gone", 1.0)
    tree.run("kept", 20.0)
    report(tree.out, SELECT)
    (tree.out / "plan" / "runs" / "gone-0.yaml").unlink()
    ranking = report(tree.out, SELECT)
    assert [place.experiment for place in ranking.winners] == ["kept"]
    left = files(tree.out / "report")
    assert b"gone" not in b"".join(left.values())
    assert not [name for name in left if "gone" in name]


def test_a_missing_score_names_the_run_and_the_cure(tree: Tree) -> None:
    tree.run("a", 20.0)
    (tree.out / "scores" / "a-0.json").unlink()
    with pytest.raises(UserError, match=r"a-0.*dvc repro"):
        report(tree.out, SELECT)


def test_a_refused_ranking_leaves_the_last_report_alone(tree: Tree) -> None:
    tree.run("a", 20.0)
    report(tree.out, SELECT)
    before = files(tree.out / "report")
    with pytest.raises(UserError, match="no run has `nonsense`"):
        report(tree.out, SelectSettings(metric="nonsense"))
    assert files(tree.out / "report") == before


def test_the_tables_for_plots_are_bounded_and_finite(tree: Tree) -> None:
    tree.steps_per_epoch = 400
    grid(tree)
    report(tree.out, SELECT)
    with (tree.out / "report" / "history.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0])[:4] == ["run", "step", "epoch", "loss_d"]
    assert {row["run"] for row in rows} == {"e02-dcgan-0", "e01-lsgan-0", "mlp-0"}
    assert len(rows) <= 3 * 120
    assert rows[-1]["run"] == "mlp-0"
    assert (rows[-1]["step"], rows[-1]["loss_d"]) == ("1200", "")  # diverged: no number, not a `nan`
    with (tree.out / "report" / "epochs.csv").open() as handle:
        assert next(csv.reader(handle))[:2] == ["run", "epoch"]


def test_the_animation_runs_through_the_epochs_and_rests_on_the_last(tree: Tree) -> None:
    tree.run("a", 20.0)
    report(tree.out, SELECT)
    with Image.open(tree.out / "report" / "figures" / "progress-a-0.png") as animation:
        assert getattr(animation, "n_frames", 1) == tree.epochs
        animation.seek(tree.epochs - 1)
        assert animation.info["duration"] == 2000


def test_ranking_json_tells_the_winner_and_the_chain(tree: Tree) -> None:
    grid(tree)
    report(tree.out, SELECT)
    record = json.loads((tree.out / "report" / "ranking.json").read_text())
    assert record["boards"][0]["places"][0]["best_run"] == "e02-dcgan-0"
    assert record["boards"][0]["unranked"][0]["experiment"] == "mlp"
    assert record["chains"]["e02-dcgan-0"]["data"] == "0f" * 32
    assert record["chains"]["mlp-0"]["samples"] is None
