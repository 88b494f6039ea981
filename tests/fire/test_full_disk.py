"""A full disk in any stage: a clear error, exit code 1, and with free space the bits of an undisturbed run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.finished_chain import RUNS
from tests.fire.stages import Stages, bits, outputs, remove_outputs
from tests.workspace import Workspace

LARGEST = {
    "fetch": 10_000, "prepare": 10_000, "judge": 5_000, "reference": 10_000,
    "train": 10_000, "sample": 10_000, "evaluate": 300, "compare": 10_000,
}  # fmt: skip
"""For each stage a file size in bytes that its largest file exceeds."""


@pytest.fixture(scope="module")
def stages(chain: Workspace) -> Stages:
    return Stages(chain)


@pytest.mark.parametrize("stage", LARGEST)
def test_a_full_disk_is_reported_and_the_next_run_completes(stage: str, chain: Workspace, stages: Stages) -> None:
    name = RUNS[0] if stage in ("train", "sample", "evaluate") else "mnist"
    named = "" if stage == "compare" else name
    whole = bits(chain.folder / "out")
    remove_outputs(chain, stage, name)
    if stage == "fetch":
        shutil.rmtree(chain.folder / ".ganpipe" / "downloads")
    code, output = stages.run(stage, named, largest=LARGEST[stage])
    assert code == 1, output
    assert ": no space left on the disk" in output
    assert "Traceback" not in output
    assert output.count("warning: MLflow") <= 1
    assert not bits(chain.folder / outputs(stage, name)[0]), "an incomplete output"
    code, output = stages.run(stage, named)
    assert code == 0, output
    assert bits(chain.folder / "out") == whole


def test_a_full_disk_under_mlflow_costs_one_warning(chain: Workspace, stages: Stages) -> None:
    whole = bits(chain.folder / "out")
    samples = [chain.folder / name for name in whole if f"samples/{RUNS[0]}/" in name]
    assert max(file.stat().st_size for file in samples) < 200_000
    remove_outputs(chain, "sample", RUNS[0])
    (chain.folder / "mlflow.db").unlink(missing_ok=True)
    code, output = stages.run("sample", RUNS[0], largest=200_000)  # the samples fit, the database does not
    assert code == 0, output
    assert output.count("warning: MLflow") == 1
    assert bits(chain.folder / "out") == whole


def test_dvc_finds_nothing_to_do_afterwards(chain: Workspace) -> None:
    assert chain.repro() == set()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs the right to mount")
def test_a_full_file_system_is_reported(chain: Workspace, tmp_path: Path) -> None:
    """There a memory map would kill the process with a signal, while a limit on the file size raises an error."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        script = (
            "from pathlib import Path; from ganpipe.data.prepare import prepare\n"
            "from ganpipe.common.process import exit_code_of\n"
            "from ganpipe.data.settings import DatasetSettings\n"
            f"raw, out = Path({str(chain.folder / 'out' / 'raw' / 'mnist')!r}), Path({str(small / 'mnist')!r})\n"
            "settings = DatasetSettings(source='mnist', size=28)\n"
            "raise SystemExit(exit_code_of(lambda: prepare('mnist', raw, settings, out)))"
        )
        known = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
        done = subprocess.run([sys.executable, "-c", script], env=known, capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
        assert f"{small / 'mnist'}: no space left on the disk" in done.stderr
        assert not list(small.iterdir())
    finally:
        subprocess.run(["umount", str(small)], check=True)
