"""ganpipe: a reproducible pipeline that trains generative networks on a dataset, scores them and names the best."""

__version__ = "0.1.0"
