"""Several stages of the DVC graph at once: `dvc repro` itself works through them one by one."""
