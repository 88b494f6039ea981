from pathlib import Path

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.compare.claim_checks import Seen
from ganpipe.compare.claims import Documented, judge, read_claims, table
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import load_runs
from ganpipe.config import SelectSettings
from ganpipe.plan.layout import CLAIMS
from ganpipe.report.report import report
from ganpipe.report.summary import documents
from tests.conftest import REPOSITORY
from tests.output_tree import Tree

SELECT = SelectSettings(metric="fd_judge")


def verdicts(tree: Tree, tmp_path: Path, claims: dict[str, object]) -> list[tuple[str, str]]:
    """What was seen and the verdict, row by row."""
    report(tree.out, SELECT)
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(claims, sort_keys=False))
    rows = [line for line in documents(tree.out, path).splitlines()[2:] if line.startswith("|")]
    return [(cells[4].strip(), cells[5].strip()) for cells in (row.split("|") for row in rows)]


def claim(check: str, epochs: int | None = None, **more: object) -> dict[str, object]:
    return {"document": "002", "epochs": epochs, "claims": [{"says": "so", "check": check, **more}]}


def test_every_experiment_of_the_catalogue_is_spoken_of() -> None:
    claims = read_claims(REPOSITORY / CLAIMS)
    catalogue = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["experiments"]
    spoken = claims.keys() | {name for entry in claims.values() for claim in entry.claims for name in claim.against}
    assert spoken == catalogue.keys()
    assert {name: entry.document for name, entry in claims.items()} == {
        name: catalogue[name]["document"] for name in claims
    }


def test_the_best_agrees_and_a_worse_one_disagrees(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    tree.run("c", None, status="diverged", reason="loss_d is not finite", epochs=3, images=None)
    claims = {
        "a": claim("best", against=["b", "c"]),
        "b": claim("best", against=["a"]),
        "c": claim("best", against=["b"]),
    }
    assert verdicts(tree, tmp_path, claims) == [
        ("fd_judge: a 10.0, b 20.0; no rank: c", "agrees"),
        ("fd_judge: a 10.0, b 20.0", "disagrees"),
        ("fd_judge: b 20.0; no rank: c", "disagrees"),
    ]


@pytest.mark.parametrize(
    ("epochs", "images", "verdict"), [(3, None, "agrees"), (2, None, "not decidable"), (3, 6400, "not decidable")]
)
def test_a_ranking_after_less_training_decides_nothing(
    tree: Tree, tmp_path: Path, epochs: int, images: int | None, verdict: str
) -> None:
    tree.run("a", 10.0, epochs=epochs, images=images)
    tree.run("b", 20.0, epochs=9, images=None)
    [(seen, found)] = verdicts(tree, tmp_path, {"a": claim("best", epochs=3, against=["b"])})
    assert found == verdict
    assert ("of 3 epochs" in seen) == (verdict == "not decidable")


def test_fewer_images_decide_nothing_also_where_the_document_names_no_epochs(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=6, images=6400, coverage=0.8)
    tree.run("b", 20.0, epochs=2, images=6400)
    tree.run("c", 30.0, epochs=4, images=None)
    claims = {"a": claim("recognised"), "b": claim("best", epochs=3, against=["a", "c"]), "c": claim("best", epochs=5)}
    found = verdicts(tree, tmp_path, claims)
    assert found[0] == ("80 % of the classes among the samples, on 6400 images", "not decidable")
    assert found[1] == (
        "fd_judge: a 10.0, b 20.0, c 30.0, after 2 of 3 and 4 of 5 epochs on 6400 images",
        "not decidable",
    )


def test_what_was_seen_once_stands_also_after_less_training(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=1, images=None, status="saturated", reason="D is right on all")
    tree.run("b", 20.0, epochs=1, images=None)
    claims = {"a": claim("saturated", epochs=9), "b": claim("saturated", epochs=9)}
    found = verdicts(tree, tmp_path, claims)
    assert found[0] == ("saturated: 1 of 1 run, after 1 of 9 epochs", "agrees")
    assert found[1] == ("saturated: 0 of 1 run, after 1 of 9 epochs", "not decidable")


def test_printed_numbers_are_compared_with_the_last_epoch(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)  # its losses end near 0.6
    ranges = {"loss_d": [0.55, 0.7], "acc_real": [0.99, 1.0]}
    [(seen, verdict)] = verdicts(tree, tmp_path, {"a": claim("printed", printed=ranges)})
    assert "loss of D 0.6" in seen and "accuracy of D on real 0.6" in seen and seen.count("(outside)") == 1
    assert verdict == "disagrees"
    assert verdicts(tree, tmp_path, {"a": claim("printed", printed={"loss_d": [0.55, 0.7]})})[0][1] == "agrees"
    above = verdicts(tree, tmp_path, {"a": claim("printed", printed={"loss_d": [0.1, 0.2]})})
    assert above[0][1] == "disagrees"
    other = verdicts(tree, tmp_path, {"a": claim("printed", printed={"reconstruction": [0, 1]})})
    assert other == [("the numbers that it takes were not recorded", "not decidable")]


def test_equal_curves_agree_and_a_changed_step_disagrees(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    models = tree.out / "models"
    history = (models / "a-0" / "history.csv").read_text()
    (models / "b-0" / "history.csv").write_text(history)
    claims = {"a": claim("same_curve", against=["b"], epochs=50)}
    assert verdicts(tree, tmp_path, claims) == [("the losses differ by at most 0, after 3 of 50 epochs", "agrees")]
    lines = history.splitlines()
    cells = lines[7].split(",")
    cells[4] = str(float(cells[4]) + 0.5)
    lines[7] = ",".join(cells)
    (models / "b-0" / "history.csv").write_text("\n".join(lines) + "\n")
    assert verdicts(tree, tmp_path, claims)[0][1] == "disagrees"


def test_recognised_needs_every_class(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None, coverage=1.0)
    tree.run("b", 20.0, epochs=3, images=None, coverage=0.9)
    claims = {"a": claim("recognised"), "b": claim("recognised")}
    assert [verdict for _, verdict in verdicts(tree, tmp_path, claims)] == ["agrees", "disagrees"]


def test_claims_on_other_experiments_are_told_below_the_table(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    report(tree.out, SELECT)
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"a": claim("best", against=["gone"]), "lost": claim("recognised")}))
    assert documents(tree.out, path).endswith("Not run: 2 claims on `a`, `lost`, or what they are compared with.")


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"a": claim("nicest")}, "there is no check `nicest`; choose from: printed"),
        ({"a": {"document": "1", "claims": [{"says": "so"}]}}, "say under `undecidable` why"),
        ({"a": {"document": "1", "claims": [], "epoch": 3}}, "a.epoch: Extra inputs"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, claims: dict[str, object], message: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(claims))
    with pytest.raises(UserError, match=message):
        read_claims(path)


def test_what_nothing_can_decide_says_why(tree: Tree) -> None:
    entry = {"document": "003", "claims": [{"says": "so | so", "undecidable": "no number"}]}
    claims = {"a": Documented.model_validate(entry)}
    tree.run("a", 10.0)
    report(tree.out, SELECT)
    runs = load_runs(tree.out)
    seen = Seen({"a": runs}, {}, rank((run.score for run in runs), SELECT))
    assert "| `a` | 003 | so \\| so | no number | not decidable |" in table(judge(claims, seen))
