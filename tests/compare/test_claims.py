from pathlib import Path

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name
from ganpipe.compare.claim_checks import GridResults
from ganpipe.compare.claims import DocumentedExperiment, check_claims, read_claims
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import load_runs
from ganpipe.config import SelectSettings
from ganpipe.plan.layout import CLAIMS
from ganpipe.report.report import report
from ganpipe.report.summary import claims_table, documents
from tests.conftest import REPOSITORY
from tests.output_tree import Tree

SELECT = SelectSettings(metric="fd_judge")


def verdicts(tree: Tree, tmp_path: Path, claims: dict[str, object]) -> list[tuple[str, str]]:
    """Observation and verdict, row by row."""
    report(tree.out, SELECT)
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(claims, sort_keys=False))
    rows = [line for line in documents(tree.out, path).splitlines()[2:] if line.startswith("|")]
    return [(cells[4].strip(), cells[5].strip()) for cells in (row.split("|") for row in rows)]


def claim(check: str, epochs: int | None = None, **more: object) -> dict[str, object]:
    return {"document": "002", "epochs": epochs, "claims": [{"conclusion": "so", "check": check, **more}]}


def test_every_experiment_of_the_catalogue_has_a_claim_or_is_compared() -> None:
    claims = read_claims(REPOSITORY / CLAIMS)
    catalogue = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["experiments"]
    mentioned = claims.keys() | {
        base_name(name) for entry in claims.values() for claim in entry.claims for name in claim.compared_with
    }
    assert mentioned == catalogue.keys()
    assert {name: entry.document for name, entry in claims.items()} == {
        name: catalogue[name]["document"] for name in claims
    }


def test_first_rank_agrees_and_lower_rank_disagrees(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    tree.run("c", None, status="diverged", reason="loss_d is not finite", epochs=3, images=None)
    claims = {
        "a": claim("ranks_first", compared_with=["b", "c"]),
        "b": claim("ranks_first", compared_with=["a"]),
        "c": claim("ranks_first", compared_with=["b"]),
    }
    assert verdicts(tree, tmp_path, claims) == [
        ("fd_judge: a 10.0, b 20.0; not ranked: c", "agrees"),
        ("fd_judge: a 10.0, b 20.0", "disagrees"),
        ("fd_judge: b 20.0; not ranked: c", "disagrees"),
    ]


@pytest.mark.parametrize(
    ("epochs", "images", "verdict"), [(3, None, "agrees"), (2, None, "not decidable"), (3, 6400, "not decidable")]
)
def test_ranking_after_shortened_training_is_not_decidable(
    tree: Tree, tmp_path: Path, epochs: int, images: int | None, verdict: str
) -> None:
    tree.run("a", 10.0, epochs=epochs, images=images)
    tree.run("b", 20.0, epochs=9, images=None)
    [(observation, found)] = verdicts(tree, tmp_path, {"a": claim("ranks_first", epochs=3, compared_with=["b"])})
    assert found == verdict
    assert ("of 3 epochs" in observation) == (verdict == "not decidable")


def test_fewer_images_count_as_shortened_even_without_documented_epochs(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=6, images=6400, coverage=0.8)
    tree.run("b", 20.0, epochs=2, images=6400)
    tree.run("c", 30.0, epochs=4, images=None)
    claims = {
        "a": claim("all_classes"),
        "b": claim("ranks_first", epochs=3, compared_with=["a", "c"]),
        "c": claim("ranks_first", epochs=5),
    }
    found = verdicts(tree, tmp_path, claims)
    assert found[0] == ("80 % of the classes among the samples, on 6400 images", "not decidable")
    assert found[1] == (
        "fd_judge: a 10.0, b 20.0, c 30.0, after 2 of 3 and 4 of 5 epochs on 6400 images",
        "not decidable",
    )


def test_shortened_training_may_confirm_saturation_but_not_refute_it(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=1, images=None, status="saturated", reason="D is right on all")
    tree.run("b", 20.0, epochs=1, images=None)
    claims = {"a": claim("saturated", epochs=9), "b": claim("saturated", epochs=9)}
    found = verdicts(tree, tmp_path, claims)
    assert found[0] == ("saturated: 1 of 1 run, after 1 of 9 epochs", "agrees")
    assert found[1] == ("saturated: 0 of 1 run, after 1 of 9 epochs", "not decidable")


def test_printed_values_are_compared_with_the_last_epoch(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)  # its losses end near 0.6
    ranges = {"loss_d": [0.55, 0.7], "acc_real": [0.99, 1.0]}
    [(observation, verdict)] = verdicts(tree, tmp_path, {"a": claim("printed_values", printed=ranges)})
    assert (
        "loss of D 0.6" in observation
        and "accuracy of D on real 0.6" in observation
        and observation.count("(outside)") == 1
    )
    assert verdict == "disagrees"
    assert verdicts(tree, tmp_path, {"a": claim("printed_values", printed={"loss_d": [0.55, 0.7]})})[0][1] == "agrees"
    above = verdicts(tree, tmp_path, {"a": claim("printed_values", printed={"loss_d": [0.1, 0.2]})})
    assert above[0][1] == "disagrees"
    other = verdicts(tree, tmp_path, {"a": claim("printed_values", printed={"reconstruction": [0, 1]})})
    assert other == [("the required values were not recorded", "not decidable")]


def test_equal_losses_agree_and_a_changed_step_disagrees(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    models = tree.out / "models"
    history = (models / "a-0" / "history.csv").read_text()
    (models / "b-0" / "history.csv").write_text(history)
    claims = {"a": claim("same_losses", compared_with=["b"], epochs=50)}
    assert verdicts(tree, tmp_path, claims) == [("the losses differ by at most 0, after 3 of 50 epochs", "agrees")]
    lines = history.splitlines()
    cells = lines[7].split(",")
    cells[4] = str(float(cells[4]) + 0.5)
    lines[7] = ",".join(cells)
    (models / "b-0" / "history.csv").write_text("\n".join(lines) + "\n")
    assert verdicts(tree, tmp_path, claims)[0][1] == "disagrees"


def test_all_classes_needs_every_class(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None, coverage=1.0)
    tree.run("b", 20.0, epochs=3, images=None, coverage=0.9)
    claims = {"a": claim("all_classes"), "b": claim("all_classes")}
    assert [verdict for _, verdict in verdicts(tree, tmp_path, claims)] == ["agrees", "disagrees"]


def test_claims_about_other_experiments_are_listed_below_the_table(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    report(tree.out, SELECT)
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"a": claim("ranks_first", compared_with=["gone"]), "lost": claim("all_classes")}))
    assert documents(tree.out, path).endswith("Not run: 2 claims about `a`, `lost`, or their comparisons.")


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"a": claim("nicest")}, "no such check: nicest; choose from: printed_values"),
        ({"a": {"document": "1", "claims": [{"conclusion": "so"}]}}, "state under `undecidable` why"),
        ({"a": {"document": "1", "claims": [], "epoch": 3}}, "a.epoch: Extra inputs"),
    ],
)
def test_invalid_claims_are_reported(tmp_path: Path, claims: dict[str, object], message: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(claims))
    with pytest.raises(UserError, match=message):
        read_claims(path)


def test_undecidable_claim_shows_its_reason(tree: Tree) -> None:
    entry = {"document": "003", "claims": [{"conclusion": "so | so", "undecidable": "no number"}]}
    claims = {"a": DocumentedExperiment.model_validate(entry)}
    tree.run("a", 10.0)
    report(tree.out, SELECT)
    runs = load_runs(tree.out)
    results = GridResults({"a": runs}, {}, rank((run.score for run in runs), SELECT))
    assert "| `a` | 003 | so \\| so | no number | not decidable |" in claims_table(check_claims(claims, results))
