import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors import inception, obtain_inception
from ganpipe.metrics.extractors.inception import load_inception
from ganpipe.metrics.frechet import frechet_distance
from ganpipe.metrics.settings import DOWNLOAD, EvaluateSettings


def settings_for(path: Path, sha256: str | None = None) -> EvaluateSettings:
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 8
    return EvaluateSettings(metrics=("fid",), inception=str(path), inception_sha256=sha256 or digest)


def test_features_equal_those_of_torch_fidelity(
    stand_in_weights: Path, mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception, "_BATCH", 2)
    images = mnist.heldout.images[:3]
    library = FeatureExtractorInceptionV3("reference", ["2048"], str(stand_in_weights))
    (expected,) = library(torch.from_numpy(np.repeat(images, 3, axis=1)))

    gaussian = load_inception(settings_for(stand_in_weights)).gaussian(images)

    torch.testing.assert_close(gaussian.mean, expected.double().mean(0), rtol=1e-5, atol=1e-7)
    assert frechet_distance(gaussian, gaussian) == pytest.approx(0, abs=1e-9)


def test_error_without_a_file_names_the_command_and_the_address() -> None:
    with pytest.raises(UserError, match="`ganpipe weights inception`") as error:
        load_inception(EvaluateSettings(metrics=("fid",)))

    assert URL_INCEPTION_V3 in str(error.value)


def test_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.pth is not a file"):
        load_inception(settings_for(tmp_path / "nowhere.pth"))


def test_file_with_another_digest_is_rejected_before_loading(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not weights")

    with pytest.raises(UserError, match=r"does not start with 6726825d"):
        load_inception(settings_for(path, "6726825d"))


def test_file_that_would_execute_code_is_rejected(tmp_path: Path) -> None:
    path, trace = tmp_path / "weights.pth", tmp_path / "was-run"

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return (open, (str(trace), "w"))

    torch.save({"weight": Payload()}, path)

    with pytest.raises(UserError, match="does not contain weights"):
        load_inception(settings_for(path))
    assert not trace.exists()


def test_failed_download_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def failing_download(address: str, target: Path, timeout: float) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(obtain_inception, "download", failing_download)

    with pytest.raises(UserError, match=r"failed \(timed out\)"):
        load_inception(EvaluateSettings(metrics=("fid",), inception=DOWNLOAD))


def test_downloaded_file_is_cached_and_verified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stand_in_weights: Path
) -> None:
    calls = []

    def fake_download(address: str, target: Path, timeout: float) -> None:
        calls.append(address)
        target.write_bytes(stand_in_weights.read_bytes())

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(obtain_inception, "download", fake_download)
    settings = settings_for(stand_in_weights).model_copy(update={"inception": DOWNLOAD})

    assert load_inception(settings).sha256 == load_inception(settings).sha256
    assert calls == [URL_INCEPTION_V3]
