"""The results page accounts for every run, and shows a text only while it explains the verdicts."""

from pathlib import Path

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.compare.claims import read_claims
from ganpipe.plan.layout import CLAIMS as CLAIMS_FILE
from ganpipe.plan.layout import INTERPRETATION
from ganpipe.report.documents import document_results
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
    claims, source, page = tmp_path / "claims.yaml", tmp_path / "texts.yaml", tmp_path / "results.md"
    claims.write_text(yaml.safe_dump(CLAIMS, sort_keys=False))
    source.write_text(yaml.safe_dump(texts))
    write_results_page(document_results(tree.out, claims), source, page)
    return page.read_text()


def test_page_accounts_for_every_run_and_shows_the_documents_epochs(tree: Tree, tmp_path: Path) -> None:
    page = page_of(tree, tmp_path, {"002": {"title": "ten experiments"}})
    assert "2 of 2 claims decided: 2 agrees. 1 run finished; 1 planned run not finished." in page
    assert "| `a-0` | 3 | ok | – | 7.00 |" in page
    assert "not finished when this page was written: `b-0` (7 minutes)." in page
    assert "Not in this plan: `c` (needs a folder)." in page
    assert "## Document 002: ten experiments" in page and "## Document 003\n" in page
    assert "`a-0` after epochs 1, 3:" in page
    pictures = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert pictures == ["a-0-printed.png", "a-0-samples.png"]
    assert all(f"](results/{name})" in page for name in pictures)


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
    assert sum(path.stat().st_size for path in (REPOSITORY / "docs" / "results").glob("*")) < PICTURES_LIMIT


def test_texts_of_the_repository_are_valid_and_belong_to_claims() -> None:
    documents, claims = read_texts(REPOSITORY / INTERPRETATION), read_claims(REPOSITORY / CLAIMS_FILE)
    for number, text in documents.items():
        for experiment, interpretation in text.interpretations.items():
            assert claims[experiment].document == number
            assert len(interpretation.verdicts) == len(claims[experiment].claims)
