"""Atomic writes, and full disks reported as such whichever library hits them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganpipe.common.atomic import atomic_file, atomic_folder, write_text
from tests.conftest import REPOSITORY

WRITES = {
    "torch": "import torch; torch.save(torch.zeros(100_000), {part})",
    "numpy": "import numpy; numpy.save({part}.open('wb'), numpy.zeros(100_000))",
    "pillow": "from PIL import Image; Image.effect_noise((900, 900), 99).save({part}, format='png')",
    "shutil": "import shutil; shutil.copytree('source', {part}, dirs_exist_ok=True)",
    "python": "{part}.write_bytes(bytes(900_000))",
}
SCRIPT = """
import resource
from pathlib import Path
from ganpipe.common.atomic import atomic_file, atomic_folder
from ganpipe.common.process import exit_code_of
def write():
    with {kind}(Path("result")) as part:
        {write}
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))
raise SystemExit(exit_code_of(write))
"""


@pytest.mark.parametrize("kind", ["atomic_file", "atomic_folder"])
@pytest.mark.parametrize("library", WRITES)
def test_full_disk_is_reported_whichever_library_hits_it(kind: str, library: str, tmp_path: Path) -> None:
    if (kind, library) == ("atomic_file", "shutil"):
        pytest.skip("shutil.copytree copies folders only")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "big").write_bytes(bytes(900_000))
    part = "part" if kind == "atomic_file" or library == "shutil" else "(part / 'big')"
    script = SCRIPT.format(kind=kind, write=WRITES[library].format(part=part))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "error: result: no space left on the disk" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_other_exceptions_pass_through(tmp_path: Path) -> None:
    for kind in (atomic_file, atomic_folder):
        with pytest.raises(ZeroDivisionError), kind(tmp_path / "result"):
            raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_folder_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "result") as part:
            write_text(part / text, text)
    assert [path.name for path in tmp_path.rglob("*")] == ["result", "new"]


def test_kill_during_the_removal_of_the_old_folder_leaves_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(text: str) -> None:
        with atomic_folder(tmp_path / "result") as part:
            write_text(part / text, text)

    write("old")

    def killed(folder: Path, **options: bool) -> None:
        if Path(folder).exists():
            raise SystemExit

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(SystemExit):
        write("new")
    assert [path.name for path in (tmp_path / "result").iterdir()] == ["new"]
