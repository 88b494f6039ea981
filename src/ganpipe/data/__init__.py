"""From a pinned source to batches: fetch, verify, prepare, serve."""
