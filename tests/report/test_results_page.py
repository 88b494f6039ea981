"""The results page accounts for every run, and shows a text only while it explains the verdicts."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.compare.claims import read_claims
from ganpipe.compare.history import read_steps
from ganpipe.compare.published import read_published
from ganpipe.plan.layout import CLAIMS as CLAIMS_FILE
from ganpipe.plan.layout import INTERPRETATION, PUBLISHED
from ganpipe.report.documents import DocumentResults, document_results
from ganpipe.report.results_page import read_texts, write_results_page
from tests.conftest import REPOSITORY
from tests.output_tree import Tree

PICTURES_LIMIT = 1_000_000
CLAIMS = {
    "a": {
        "document": "002",
        "epochs": 3,
        "shown": [1, 3, 9],
        "claims": [
            {"conclusion": "so", "check": "recognisable"},
            {
                "conclusion": "log",
                "check": "printed_values",
                "every": 10,
                "printed": {"loss_d": [0.6, None], "d_real": [0.6, 0.7]},
            },
        ],
    },
    "b": {"document": "002", "minutes": 7},
    "c": {"document": "003", "left_out": "needs a folder"},
}


def page_of(tree: Tree, tmp_path: Path, texts: object) -> str:
    """The page of a finished run `a` and an unfinished run `b`."""
    if not (tree.out / "plan").exists():
        tree.run("a", 7.0, epochs=3, images=None)
        tree.run("b", 9.0, epochs=3, images=None)
        (tree.out / "scores" / "b-0.json").unlink()
    (tree.out / "plan" / "report.yaml").write_text(yaml.safe_dump({"select": {"metric": "fd_judge"}}))
    source, page = tmp_path / "texts.yaml", tmp_path / "results.md"
    source.write_text(yaml.safe_dump(texts))
    write_results_page(results_of(tree, tmp_path), source, page)
    return page.read_text()


def results_of(tree: Tree, tmp_path: Path) -> DocumentResults:
    claims = tmp_path / "claims.yaml"
    claims.write_text(yaml.safe_dump(CLAIMS, sort_keys=False))
    return document_results(tree.out, claims, published=tmp_path / "results")


def change_plan(tree: Tree, run: str, **train: object) -> None:
    path = tree.out / "plan" / "runs" / f"{run}.yaml"
    plan = yaml.safe_load(path.read_text())
    plan["train"].update(train)
    path.write_text(yaml.safe_dump(plan))


def test_page_accounts_for_every_run_and_shows_the_documents_epochs(tree: Tree, tmp_path: Path) -> None:
    page = page_of(tree, tmp_path, {"002": {"title": "ten experiments"}})
    assert "2 of 2 claims decided: 2 agrees. 1 run finished; 1 planned run not finished." in page
    assert "| `a-0` | 3 | ok | – | 7.00 |" in page
    assert "not finished when this page was written: `b-0` (7 minutes)." in page
    assert "Not in this plan: `c` (needs a folder)." in page
    assert "## Document 002: ten experiments" in page and "## Document 003\n" in page
    assert "`a-0` after epochs 1, 3:" in page
    assert sorted(path.name for path in (tmp_path / "results" / "a-0").iterdir()) == [
        "epochs.csv", "history.csv", "printed.png", "result.json", "samples.png",
    ]  # fmt: skip
    assert all(f"](results/a-0/{name}.png)" in page for name in ("printed", "samples"))


def test_published_run_replaces_the_outputs_on_another_machine(tree: Tree, tmp_path: Path) -> None:
    page, pictures = page_of(tree, tmp_path, {}), tmp_path / "results" / "a-0"
    before = {path.name: path.read_bytes() for path in pictures.iterdir()}
    shutil.rmtree(tree.out / "models" / "a-0")
    (tree.out / "scores" / "a-0.json").unlink()

    again = page_of(tree, tmp_path, {})
    assert again == page.replace("1 run finished;", "1 run finished, 1 of them published with this repository;")
    assert {path.name: path.read_bytes() for path in pictures.iterdir()} == before


def test_published_history_has_the_steps_that_the_checks_read(tree: Tree, tmp_path: Path) -> None:
    tree.steps_per_epoch = 100
    page_of(tree, tmp_path, {})
    run = read_published(tmp_path / "results")["a-0"].run
    assert [int(step) for step in read_steps(run)["step"]] == [*range(1, 51), 100, *range(200, 301)]


@pytest.mark.parametrize(
    ("train", "counts"),
    [
        ({}, True),
        ({"epochs": 2}, True),  # shorter than in the document: the published run says more
        ({"images": 100}, True),
        ({"lr": 0.5}, False),  # another training of the document's length: the published run is not its result
        ({"epochs": 4}, False),
    ],
)
def test_published_run_counts_unless_the_plan_trains_otherwise(
    tree: Tree, tmp_path: Path, train: dict[str, object], counts: bool
) -> None:
    page_of(tree, tmp_path, {})
    (tree.out / "scores" / "a-0.json").unlink()
    change_plan(tree, "a-0", **train)
    results = results_of(tree, tmp_path)
    assert [run.name for run in results.runs] == ["a-0"] * counts
    assert results.unfinished == ["a-0", "b-0"][counts:]


def test_own_run_of_the_documents_length_precedes_the_published_one(tree: Tree, tmp_path: Path) -> None:
    page_of(tree, tmp_path, {})
    own = json.loads((tree.out / "scores" / "a-0.json").read_text())
    own["metrics"]["fd_judge"]["value"] = 8.5
    (tree.out / "scores" / "a-0.json").write_text(json.dumps(own))
    assert "| `a-0` | 3 | ok | – | 8.50 |" in page_of(tree, tmp_path, {})
    change_plan(tree, "a-0", epochs=2)
    own["metrics"]["fd_judge"]["value"] = 9.5
    (tree.out / "scores" / "a-0.json").write_text(json.dumps(own))
    assert "| `a-0` | 3 | ok | – | 8.50 |" in page_of(tree, tmp_path, {})


@pytest.mark.parametrize("content", ["", "{}", None])
def test_damaged_published_result_is_named(tree: Tree, tmp_path: Path, content: str | None) -> None:
    page_of(tree, tmp_path, {})
    path = tmp_path / "results" / "a-0" / "result.json"
    if content is None:
        path.parent.rename(path.parent.with_name("z-0"))
    else:
        path.write_text(content)
    with pytest.raises(UserError, match=r"result\.json: .*Restore"):
        results_of(tree, tmp_path)


@pytest.mark.parametrize(("verdicts", "shown"), [(["agrees", "agrees"], True), (["agrees", "does not agree"], False)])
def test_interpretation_is_shown_only_for_the_verdicts_that_it_explains(
    tree: Tree, tmp_path: Path, verdicts: list[str], shown: bool
) -> None:
    texts = {"002": {"title": "x", "interpretations": {"a": {"verdicts": verdicts, "text": "Because."}}}}
    assert ("*Interpretation.* Because." in page_of(tree, tmp_path, texts)) == shown


def test_invalid_texts_are_reported(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"texts\.yaml: invalid"):
        page_of(tree, tmp_path, {"002": {"titel": "x"}})


def test_committed_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in (REPOSITORY / PUBLISHED).rglob("*.png")) < PICTURES_LIMIT


def test_texts_of_the_repository_are_valid_and_belong_to_claims() -> None:
    documents, claims = read_texts(REPOSITORY / INTERPRETATION), read_claims(REPOSITORY / CLAIMS_FILE)
    for number, text in documents.items():
        for experiment, interpretation in text.interpretations.items():
            assert claims[experiment].document == number
            assert len(interpretation.verdicts) == len(claims[experiment].claims)
