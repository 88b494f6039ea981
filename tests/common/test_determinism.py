import os
import subprocess
import sys

import pytest
import torch
from torch.utils import deterministic

from ganpipe.common.determinism import deterministic_mode


def test_deterministic_mode_applies_inside_the_block_and_is_restored_after_it() -> None:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = deterministic.fill_uninitialized_memory
    tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    with pytest.raises(KeyError), deterministic_mode(threads + 1):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        assert not deterministic.fill_uninitialized_memory
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
        raise KeyError

    assert torch.get_num_threads() == threads
    assert torch.are_deterministic_algorithms_enabled() == strict
    assert deterministic.fill_uninitialized_memory == fill
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == tf32


def test_cublas_is_deterministic() -> None:
    """PyTorch 2.9 refuses matrix products on CUDA in deterministic mode unless this is set."""
    with deterministic_mode(1):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] in (":4096:8", ":16:8")


def test_deterministic_mode_does_not_import_the_compiler() -> None:
    """That import would cost every measuring stage seconds."""
    program = (
        "import sys; from ganpipe.common.determinism import deterministic_mode\n"
        "with deterministic_mode(1): pass\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
