"""FID from a weights file to the report, and the report's reason if there is no file."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

from ganpipe.common.errors import UserError
from ganpipe.common.formatting import number
from ganpipe.config import SelectSettings
from ganpipe.data.dataset import Dataset
from ganpipe.metrics import registry
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors import inception
from ganpipe.metrics.extractors.inception_file import PUBLISHED
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.registry import lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.report.report import report
from tests.conftest import REPOSITORY
from tests.output_tree import Tree


def scored(mnist: Dataset, judge: Judge, settings: EvaluateSettings, folder: Path) -> dict[str, Any]:
    """Record of the evaluate stage for four images."""
    build_reference(mnist, judge, settings, 4, folder)
    return evaluate(mnist.heldout.images[4:8], None, mnist, judge, folder, settings, "")


def reported(record: dict[str, Any], metric: str, out: Path) -> list[str]:
    """Both report pages of a grid with one run that has this record."""
    tree = Tree(out, np.zeros((200, 1, 28, 28), dtype=np.uint8))
    path = tree.out / "scores" / f"{tree.run('dcgan', 20.0)}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | record))
    report(tree.out, SelectSettings(metric=metric))
    pages = [(tree.out / "report" / name).read_text() for name in ("report.html", "report.md")]
    return [page.replace("\N{NO-BREAK SPACE}", " ") for page in pages]


def test_stand_in_weights_lead_to_a_number_in_the_report(
    mnist: Dataset, judge: Judge, stand_in_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.METRICS, "fid", replace(lookup("fid"), min_samples=4))
    monkeypatch.setattr(inception, "_BATCH", 4)
    sha256 = hashlib.sha256(stand_in_weights.read_bytes()).hexdigest()
    settings = EvaluateSettings(metrics=("fid",), real=4, inception=str(stand_in_weights), inception_sha256=sha256)

    record = scored(mnist, judge, settings, tmp_path / "reference")

    entry = record["metrics"]["fid"]
    protocol = record["protocols"][entry["protocol"]]
    assert entry["value"] > 0
    assert 0 < entry["floor"] < entry["ceiling"]
    assert (protocol["extractor"], protocol["extractor_sha256"]) == ("inception-v3", sha256)
    assert protocol["resize"] == "bilinear 299x299 (TensorFlow 1)"
    for page in reported(record, "fid", tmp_path / "out"):
        assert number(entry["value"]) in page
        assert "fid ↓" in page
        assert "Not computed" not in page
    ranking = json.loads((tmp_path / "out" / "report" / "ranking.json").read_text())
    assert ranking["boards"][0]["places"][0]["mean"] == entry["value"]


def test_report_without_weights_names_the_command_and_the_address(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    settings = EvaluateSettings(metrics=("fid", "contrast"))

    record = scored(mnist, judge, settings, tmp_path / "reference")

    for page in reported(record, "contrast", tmp_path / "out"):
        text = page.replace("\\", "")  # Markdown escapes
        assert "Not computed" in text
        assert "needs the standard Inception weights" in text
        assert URL_INCEPTION_V3 in text
        assert "`ganpipe weights inception` downloads them" in text
        assert "fid ↓" not in text


def test_weights_that_disappear_between_two_stages_are_an_error_not_an_absent_metric(
    mnist: Dataset, judge: Judge, stand_in_weights: Path, tmp_path: Path
) -> None:
    """Whether fid is computed is decided by the plan: DVC would not repeat a stage that recorded it as absent."""
    path = tmp_path / "weights.pth"
    path.write_bytes(stand_in_weights.read_bytes())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    settings = EvaluateSettings(metrics=("fid",), real=4, inception=str(path), inception_sha256=sha256)
    build_reference(mnist, judge, settings, 4, tmp_path / "reference")
    path.unlink()

    with pytest.raises(UserError, match=r"evaluate\.inception: .*weights\.pth is not a file"):
        evaluate(mnist.heldout.images[4:8], None, mnist, judge, tmp_path / "reference", settings, "")
    with pytest.raises(UserError, match=r"evaluate\.inception: .*weights\.pth is not a file"):
        build_reference(mnist, judge, settings, 4, tmp_path / "reference")


def test_weights_that_appear_between_two_stages_change_nothing(
    mnist: Dataset, judge: Judge, stand_in_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EvaluateSettings(metrics=("fid", "contrast"), real=4)
    build_reference(mnist, judge, settings, 4, tmp_path / "reference")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / PUBLISHED.rsplit("/", 1)[1]).write_bytes(stand_in_weights.read_bytes())

    record = evaluate(mnist.heldout.images[4:8], None, mnist, judge, tmp_path / "reference", settings, "")

    assert set(record["absent"]) == {"fid"}


def test_default_grid_includes_fid() -> None:
    section = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["evaluate"]

    assert "fid" in EvaluateSettings.model_validate(section).metrics
