"""Where a training runs: in the stage's own process, or on a node of a cluster. The result has the same bits."""
