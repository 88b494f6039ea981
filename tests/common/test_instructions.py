import os
import subprocess
import sys

import pytest

from ganpipe.common.errors import UserError
from ganpipe.common.instructions import PORTABLE, VARIABLE, _has_avx2, _numpy_finds_avx2, check_instructions
from tests.conftest import REPOSITORY

CAPABILITY = "import ganpipe, torch; print(torch.backends.cpu.get_cpu_capability())"

avx2 = pytest.mark.skipif(not _has_avx2(), reason="this processor has no AVX2")


def capability(code: str = CAPABILITY, **variables: str) -> str:
    inherited = {name: text for name, text in os.environ.items() if name not in (*PORTABLE, VARIABLE)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env=inherited | variables,
    )
    return done.stdout.strip()


@avx2
def test_pytorch_is_limited_to_avx2_by_default() -> None:
    assert capability() == capability(**{VARIABLE: "portable"}) == "AVX2"


@avx2
def test_native_leaves_the_choice_to_the_libraries() -> None:
    assert capability(**{VARIABLE: "native"}) == capability(
        "import torch; print(torch.backends.cpu.get_cpu_capability())"
    )


@avx2
def test_a_limit_that_the_user_has_set_is_kept() -> None:
    assert capability(ATEN_CPU_CAPABILITY="default") == "DEFAULT"
    code = f"import ganpipe, os; print(*(os.environ.get(name) for name in {tuple(PORTABLE)}))"
    assert capability(code, MKL_CBWR="AVX2") == "None None AVX2"
    assert capability(code) == "avx2 AVX2 COMPATIBLE"


def test_both_ways_to_ask_the_processor_agree() -> None:
    assert _has_avx2() == _numpy_finds_avx2()


def test_a_processor_without_avx2_is_not_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert not _has_avx2()


def test_a_training_rejects_a_process_with_other_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "portable")
    for name, value in PORTABLE.items():
        monkeypatch.setenv(name, value)
    check_instructions("portable", "AVX2")
    with pytest.raises(UserError, match=r"started with GANPIPE_INSTRUCTIONS=portable"):
        check_instructions("native", "AVX2")
    with pytest.raises(UserError, match="imported before ganpipe"):
        check_instructions("portable", "AVX512")
