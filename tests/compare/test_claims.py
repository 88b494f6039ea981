"""The claims of the documents: their file, their checks, and what shortened or missing runs decide."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name, overrides_of
from ganpipe.compare.claims import read_claims
from ganpipe.plan.layout import CLAIMS
from ganpipe.report.documents import claims_table, document_results, summary_of_claims
from tests.conftest import REPOSITORY
from tests.output_tree import Tree

Cell = Callable[[float], float]


def verdicts(tree: Tree, tmp_path: Path, claims: dict[str, object], **more: object) -> list[tuple[str, str]]:
    """Observation and verdict, claim by claim."""
    report = tree.out / "plan" / "report.yaml"
    report.write_text(yaml.safe_dump({"select": {"metric": "fd_judge"}}))
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(claims, sort_keys=False))
    results = document_results(tree.out, path, **more)  # type: ignore[arg-type]
    return [(claim.observation, claim.verdict) for claim in results.checked]


def claim(check: str, epochs: int | None = None, **more: object) -> dict[str, object]:
    return {"document": "002", "epochs": epochs, "claims": [{"conclusion": "so", "check": check, **more}]}


def change_column(path: Path, name: str, change: Cell) -> None:
    """Apply a function to a column of a CSV file."""
    with path.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row[name] = str(change(float(row[name])))
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_every_experiment_of_the_catalogue_has_an_entry_with_its_document() -> None:
    claims = read_claims(REPOSITORY / CLAIMS)
    catalogue = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["experiments"]
    documented = {name for name, entry in catalogue.items() if entry["document"] != "own"}
    assert {base_name(name) for name in claims} == documented
    assert all(entry.document == catalogue[base_name(name)]["document"] for name, entry in claims.items())
    named = {name for entry in claims.values() for claim in entry.claims for name in claim.compared_with}
    assert named <= catalogue.keys()


def test_entries_without_documented_epochs_have_those_of_the_catalogue() -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for name, entry in read_claims(REPOSITORY / CLAIMS).items():
        if name != "pretrained" and not overrides_of(name):
            assert entry.epochs == params["experiments"][name].get("epochs", params["train"]["epochs"]), name


def test_printed_values_are_possible() -> None:
    """The mean of -log is at least -log of the mean, so a loss bounds the outputs of D printed with it."""
    tolerance = 5e-5  # of the last printed digit
    count = 0
    for name, entry in read_claims(REPOSITORY / CLAIMS).items():
        for printed in (claim.printed for claim in entry.claims if claim.check == "printed_values"):
            assert len({len(values) for values in printed.values()}) == 1, name
            for row in range(len(printed["loss_d"])):
                value = {scalar: values[row] for scalar, values in printed.items()}
                if None not in (value["loss_d"], value["d_real"], value["d_fake_1"]) and name != "art128":
                    least = -math.log(min(value["d_real"] + tolerance, 1))  # type: ignore[operator]
                    least -= math.log(1 - max(value["d_fake_1"] - tolerance, 0))  # type: ignore[operator]
                    assert value["loss_d"] + tolerance >= least, (name, row)  # type: ignore[operator]
                    count += 1
                if value.get("d_fake_2") is not None and value["loss_g"] is not None:
                    assert value["loss_g"] + tolerance >= -math.log(value["d_fake_2"] + tolerance), (name, row)  # type: ignore[operator]
    assert count == 95  # 96 lines of eight logs, one of which has an impossible loss


def test_comparison_of_single_seeds_is_only_observed(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    tree.run("c", None, status="diverged", reason="loss_d is not finite", epochs=3, images=None)
    tree.run("d", 10.0, epochs=3, images=None)
    claims = {
        "a": claim("better_than", compared_with=["b", "c"]),
        "b": claim("better_than", compared_with=["a"]),
        "c": claim("better_than", compared_with=["b"]),
        "d": claim("better_than", compared_with=["a"]),
    }
    assert verdicts(tree, tmp_path, claims) == [
        ("fd_judge: a 10.0, b 20.0; not ranked: c", "observed in one seed"),
        ("fd_judge: a 10.0, b 20.0", "not observed in one seed"),
        ("fd_judge: b 20.0; not ranked: c", "not observed in one seed"),
        ("fd_judge: a 10.0, d 10.0", "not decided"),
    ]


@pytest.mark.parametrize(
    ("other", "verdict"),
    [((19.0, 20.0, 21.0), "agrees"), ((4.5, 5.0, 5.5), "does not agree"), ((9.0, 11.0, 12.0), "not decided")],
)
def test_three_seeds_decide_a_comparison_unless_they_tie(
    tree: Tree, tmp_path: Path, other: tuple[float, ...], verdict: str
) -> None:
    for seed, (a, b) in enumerate(zip((9.5, 10.0, 10.5), other, strict=True)):
        tree.run("a", a, seed=seed, epochs=3, images=None)
        tree.run("b", b, seed=seed, epochs=3, images=None)
    [(observation, found)] = verdicts(
        tree, tmp_path, {"a": claim("better_than", compared_with=["b"]), "b": {"document": "002"}}
    )
    assert found == verdict
    assert ("do not distinguish" in observation) == (verdict == "not decided")


def test_comparison_uses_the_metric_of_the_claim(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    found = verdicts(
        tree, tmp_path, {"b": claim("better_than", compared_with=["a"], metric="recall"), "a": {"document": "0"}}
    )
    assert found == [("recall: a 0.833, b 0.714", "not observed in one seed")]
    missing = verdicts(
        tree, tmp_path, {"b": claim("better_than", compared_with=["a"], metric="kid"), "a": {"document": "0"}}
    )
    assert missing == [("the required values were not recorded", "not decided")]


@pytest.mark.parametrize(
    ("epochs", "images", "verdict"),
    [(3, None, "observed in one seed"), (2, None, "not decided"), (3, 64, "not decided")],
)
def test_shortened_training_decides_no_comparison(
    tree: Tree, tmp_path: Path, epochs: int, images: int | None, verdict: str
) -> None:
    tree.run("a", 10.0, epochs=epochs, images=images)
    tree.run("b", 20.0, epochs=9, images=None)
    claims = {"a": claim("better_than", epochs=3, compared_with=["b"]), "b": {"document": "002"}}
    [(observation, found)] = verdicts(tree, tmp_path, claims)
    assert found == verdict
    assert ("of 3 epochs" in observation) == (verdict == "not decided")


def test_recognisable_needs_every_class_and_a_small_distance(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 7.0, epochs=3, images=None, coverage=1.0)
    tree.run("b", 7.0, epochs=3, images=None, coverage=0.9)
    tree.run("c", 8.0, epochs=3, images=None, coverage=1.0)  # noise: 740
    tree.run("d", 8.0, epochs=3, images=64, coverage=1.0)
    tree.run("e", None, status="diverged", epochs=3, images=None)
    claims: dict[str, object] = {name: claim("recognisable") for name in "abcde"}
    claims["c"] = {"document": "1", "claims": [{"conclusion": "x", "check": "recognisable", "share_of_noise": limit}
                                               for limit in (0.01, 0.1)]}  # fmt: skip
    found = [verdict for _, verdict in verdicts(tree, tmp_path, claims)]
    assert found == ["agrees", "does not agree", "does not agree", "agrees", "not decided", "does not agree"]


def test_printed_values_are_compared_at_the_same_iterations(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    path = tree.out / "models" / "a-0" / "history.csv"
    change_column(path, "loss_d", lambda _: 9.0)
    rows = path.read_text().splitlines()
    for row in range(1 + 80 + 2, len(rows), 4):  # the iterations 2, 6, ... of the third epoch of 40 steps
        cells = rows[row].split(",")
        cells[3] = str(1 + row / 1e4)
        rows[row] = ",".join(cells)
    path.write_text("\n".join(rows) + "\n")
    near = [1.009, 1.0093, 1.0097, 1.0101, None, 1.0109, 1.0113, 1.0117]
    options = {"first": 2, "every": 4}
    agreeing = verdicts(tree, tmp_path, {"a": claim("printed_values", printed={"loss_d": near}, **options)})
    assert agreeing == [("medians: loss of D: 1.01 printed, 1.01 here", "agrees")]
    shifted = claim("printed_values", printed={"loss_d": near}, first=1, every=4)
    assert verdicts(tree, tmp_path, {"a": shifted}) == [
        ("medians: loss of D: 1.01 printed, 9.00 here (differs)", "does not agree")
    ]
    other = verdicts(tree, tmp_path, {"a": claim("printed_values", printed={"reconstruction": [0.0]})})
    assert other == [("the required values were not recorded", "not decided")]


def test_ends_of_epochs_are_compared_if_the_document_prints_those(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    path = tree.out / "models" / "a-0" / "history.csv"
    rows = path.read_text().splitlines()
    for row in (40, 80, 120):
        cells = rows[row].split(",")
        cells[3] = "5.0"
        rows[row] = ",".join(cells)
    path.write_text("\n".join(rows) + "\n")
    printed = claim("printed_values", printed={"loss_d": [5.0, 5.0, 5.0]}, epoch_ends=True)
    assert verdicts(tree, tmp_path, {"a": printed})[0] == ("medians: loss of D: 5.00 printed, 5.00 here", "agrees")


def test_ranges_bound_the_means_of_the_last_epoch(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)  # its losses end near 0.6
    inside = verdicts(tree, tmp_path, {"a": claim("last_epoch_within", ranges={"loss_d": [0.55, 0.7]})})
    assert inside[0][1] == "agrees"
    outside = verdicts(tree, tmp_path, {"a": claim("last_epoch_within", ranges={"loss_d": [0.1, 0.2]})})
    assert "(outside)" in outside[0][0] and outside[0][1] == "does not agree"


def test_saturation_is_read_from_the_scores_whatever_the_status(tree: Tree, tmp_path: Path) -> None:
    for name, status in (("a", "collapsed"), ("b", "ok")):
        tree.run(name, 10.0, epochs=3, images=None, status=status, reason="x")
    epochs = tree.out / "models" / "a-0" / "epochs.csv"
    change_column(epochs, "d_real", lambda _: 0.99)
    change_column(epochs, "d_fake_1", lambda _: 0.001)
    found = verdicts(tree, tmp_path, {"a": claim("saturated"), "b": claim("saturated")})
    assert [verdict for _, verdict in found] == ["agrees", "does not agree"]


def test_equal_functions_have_equal_losses_in_the_first_steps(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    models = tree.out / "models"
    (models / "b-0" / "history.csv").write_text((models / "a-0" / "history.csv").read_text())
    claims = {"a": claim("same_losses", compared_with=["b"], epochs=50), "b": {"document": "002"}}
    change_column(models / "b-0" / "history.csv", "loss_g", lambda value: value * 1.005)
    assert verdicts(tree, tmp_path, claims)[0][1] == "agrees"
    change_column(models / "b-0" / "history.csv", "loss_g", lambda value: value * 1.02)
    assert verdicts(tree, tmp_path, claims)[0][1] == "does not agree"


def test_losses_that_are_not_finite_decide_nothing(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    models = tree.out / "models"
    (models / "b-0" / "history.csv").write_text((models / "a-0" / "history.csv").read_text())
    claims = {"a": claim("same_losses", compared_with=["b"]), "b": {"document": "002"}}
    for run in ("a-0", "b-0"):
        change_column(models / run / "history.csv", "loss_g", lambda _: math.nan)
    assert verdicts(tree, tmp_path, claims)[0][1] == "not decided"


def test_too_few_epochs_do_not_refute_that_losses_settle(tree: Tree, tmp_path: Path) -> None:
    tree.epochs = 4
    tree.run("a", 10.0, epochs=4, images=None)
    assert verdicts(tree, tmp_path, {"a": claim("settled")}) == [("fewer than five epochs", "not decided")]


def test_losses_settle_and_scalars_rise(tree: Tree, tmp_path: Path) -> None:
    tree.epochs = 20
    tree.run("a", 10.0, epochs=20, images=None)
    epochs = tree.out / "models" / "a-0" / "epochs.csv"
    rises = {"conclusion": "x", "check": "rises", "scalars": ["acc_real"]}
    both = {"a": {"document": "1", "claims": [{"conclusion": "x", "check": "settled"}, rises]}}
    assert [verdict for _, verdict in verdicts(tree, tmp_path, both)] == ["agrees", "does not agree"]
    count = iter(range(20))
    change_column(epochs, "loss_g", lambda _: 1.0 + next(count))
    change_column(epochs, "acc_real", lambda value: 1 - value)
    assert [verdict for _, verdict in verdicts(tree, tmp_path, both)] == ["does not agree", "agrees"]


def test_requested_classes_need_a_share_of_recognised_samples(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)  # label accuracy 0.9
    claims = {"a": {"document": "1", "claims": [{"conclusion": "x", "check": "labels_recognised", "at_least": limit}
                                                for limit in (0.9, 0.95)]}}  # fmt: skip
    assert [verdict for _, verdict in verdicts(tree, tmp_path, claims)] == ["agrees", "does not agree"]


def test_runs_that_have_not_finished_are_counted_and_priced(tree: Tree, tmp_path: Path) -> None:
    tree.run("a", 10.0, epochs=3, images=None)
    tree.run("b", 20.0, epochs=3, images=None)
    (tree.out / "scores" / "b-0.json").unlink()
    claims = {
        "a": claim("better_than", compared_with=["b", "gone"]),
        "b": {"document": "002", "minutes": 12},
        "gone": {"document": "002", "left_out": "needs a folder"},
        "c": {"document": "003", "claims": [{"conclusion": "so | so", "undecidable": "no number"}]},
    }
    found = verdicts(tree, tmp_path, claims)
    assert found == [("needs `b` (about 12 minutes), `gone` (needs a folder)", "not run"), ("no number", "not decided")]
    results = document_results(tree.out, tmp_path / "claims.yaml", {"a-0"})
    assert (results.runs, results.unfinished) == ((), ["a-0", "b-0"])
    assert "| `c` | 003 | so \\| so | no number | not decided |" in claims_table(results.checked)
    assert summary_of_claims(results) == (
        "0 of 2 claims decided: 1 not decided, 1 not run. 0 runs finished; 2 planned runs not finished."
    )


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
