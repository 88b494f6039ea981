import subprocess
import sys

import pytest
import torch
from torch.utils import deterministic

from ganpipe.common.determinism import reproducible


def test_threads_and_determinism_hold_inside_and_come_back_after() -> None:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory

    with pytest.raises(KeyError), reproducible(threads + 1):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        assert not deterministic.fill_uninitialized_memory
        raise KeyError

    assert torch.get_num_threads() == threads
    assert torch.are_deterministic_algorithms_enabled() == strict
    assert deterministic.fill_uninitialized_memory == filled


def test_the_compiler_is_not_loaded() -> None:
    """It takes seconds of every stage that measures, for nothing."""
    program = (
        "import sys; from ganpipe.common.determinism import reproducible\n"
        "with reproducible(1): pass\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
