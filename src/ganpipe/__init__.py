"""ganpipe: a reproducible pipeline that trains generative networks on a dataset, scores them and names the best."""

from ganpipe.common.instructions import limit_instructions

__version__ = "0.1.0"

limit_instructions()  # before anything imports PyTorch
