"""From the source of a dataset to batches: fetch, verify, prepare, load."""
