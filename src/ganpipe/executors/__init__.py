"""Where a training runs: in the stage's own process or on a node of a cluster, which gives the same bits, or shared."""
