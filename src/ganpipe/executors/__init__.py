"""Where a training runs: in the stage's process, on a node of a Ray cluster, or in several processes with torchrun."""
