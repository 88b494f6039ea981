"""Images made elsewhere count once, and the report states what is not known about them."""

from pathlib import Path

from ganpipe.compare.runs import load_runs
from ganpipe.config import SelectSettings
from ganpipe.report.report import report
from tests.output_tree import Tree


def grid(tree: Tree, digests: tuple[str, ...]) -> Path:
    for seed, digest in enumerate(digests):
        tree.run("dcgan", 20.0 + seed, seed=seed)
        tree.run("elsewhere", 10.0, seed=seed, method="images", path="x", path_sha256=digest)
    return tree.out


def test_seeds_that_share_images_count_once(tree: Tree) -> None:
    out = grid(tree, ("a", "a", "a"))
    assert [run.name for run in load_runs(out)] == ["dcgan-0", "dcgan-1", "dcgan-2", "elsewhere-0"]
    ranking = report(out, SelectSettings())
    (board,) = ranking.boards
    place = next(place for place in board.places if place.experiment == "elsewhere")
    assert (place.runs, place.interval, place.spread) == (("elsewhere-0",), None, None)
    assert board.verdict.kind == "one seed"  # nothing can be tested against a single set of images
    page = (out / "report" / "report.md").read_text()
    assert "Made elsewhere: elsewhere. Their training, sampling and cost are not known" in page


def test_seeds_with_their_own_images_are_replicates(tree: Tree) -> None:
    out = grid(tree, ("a", "b", "c"))
    assert len(load_runs(out)) == 6


def test_equal_images_of_different_experiments_all_count(tree: Tree) -> None:
    for name in ("first", "second"):
        tree.run(name, 10.0, method="images", path="x", path_sha256="a")
    assert len(load_runs(tree.out)) == 2


def test_a_report_without_such_images_does_not_mention_them(tree: Tree) -> None:
    tree.run("dcgan", 20.0)
    report(tree.out, SelectSettings())
    assert "Made elsewhere" not in (tree.out / "report" / "report.md").read_text()
