"""The Inception weights are downloaded or imported, verified, and found by the evaluation."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from ganpipe.cli.weights import enter_weights
from ganpipe.common.errors import UserError
from ganpipe.metrics.extractors import inception
from ganpipe.metrics.extractors.inception import load_inception, seconds_per_image
from ganpipe.metrics.extractors.obtain_inception import obtain_weights, stored_weights
from ganpipe.metrics.settings import DOWNLOAD, EvaluateSettings
from tests.conftest import REPOSITORY


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def settings(stand_in_weights: Path) -> EvaluateSettings:
    sha256 = hashlib.sha256(stand_in_weights.read_bytes()).hexdigest()
    return EvaluateSettings(inception=DOWNLOAD, inception_sha256=sha256)


@pytest.fixture
def address(stand_in_weights: Path) -> Iterator[str]:
    """A local server in place of the owner's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(stand_in_weights.parent)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{stand_in_weights.name}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_downloaded_weights_are_found_and_measured(
    address: str, settings: EvaluateSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception, "_BATCH", 1)
    assert obtain_weights(settings, None, address)
    assert not obtain_weights(settings, None, "http://127.0.0.1:9/not-asked-again")
    assert load_inception(settings).sha256 == settings.inception_sha256
    assert 0 < seconds_per_image(settings) < 60


def test_a_local_file_needs_no_network(stand_in_weights: Path, settings: EvaluateSettings) -> None:
    assert obtain_weights(settings, stand_in_weights, "http://127.0.0.1:9/not-asked")
    assert stored_weights().read_bytes() == stand_in_weights.read_bytes()


def test_other_content_is_rejected_and_not_stored(address: str, stand_in_weights: Path) -> None:
    for source in (None, stand_in_weights):
        with pytest.raises(UserError, match="does not start with 6726825d"):
            obtain_weights(EvaluateSettings(), source, address)
    assert not list(stored_weights().parent.iterdir())


@pytest.mark.parametrize(
    ("name", "expected"), [("missing", "the download failed .*404.* --from FILE"), ("../absent", "download failed")]
)
def test_a_failed_download_leaves_nothing(name: str, expected: str, address: str, settings: EvaluateSettings) -> None:
    with pytest.raises(UserError, match=expected):
        obtain_weights(settings, None, f"{address.rpartition('/')[0]}/{name}")
    assert not stored_weights().exists()


def test_missing_file_is_reported(settings: EvaluateSettings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file"):
        obtain_weights(settings, tmp_path / "absent.pth")


def test_setting_is_entered_and_nothing_else_changes(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    before = (REPOSITORY / "params.yaml").read_text()
    params.write_text(before)
    assert "set to download" in enter_weights(params, None)
    content = yaml.safe_load(params.read_text())
    assert content["evaluate"].pop("inception") == DOWNLOAD
    assert content == yaml.safe_load(before)
    assert len(set(before.splitlines()) ^ set(params.read_text().splitlines())) == 2
    written = params.read_text()
    assert "not changed" in enter_weights(params, DOWNLOAD)
    assert params.read_text() == written
