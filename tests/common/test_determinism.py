import subprocess
import sys

import pytest
import torch
from torch.utils import deterministic

from ganpipe.common.determinism import deterministic_mode


def test_deterministic_mode_applies_inside_the_block_and_is_restored_after_it() -> None:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = deterministic.fill_uninitialized_memory

    with pytest.raises(KeyError), deterministic_mode(threads + 1):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        assert not deterministic.fill_uninitialized_memory
        raise KeyError

    assert torch.get_num_threads() == threads
    assert torch.are_deterministic_algorithms_enabled() == strict
    assert deterministic.fill_uninitialized_memory == fill


def test_deterministic_mode_does_not_import_the_compiler() -> None:
    """That import would cost every measuring stage seconds."""
    program = (
        "import sys; from ganpipe.common.determinism import deterministic_mode\n"
        "with deterministic_mode(1): pass\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
