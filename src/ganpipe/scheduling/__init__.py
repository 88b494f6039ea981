"""A scheduler that runs several stages of the DVC graph at once; plain `dvc repro` runs them one by one."""
