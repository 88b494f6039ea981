"""From `params.yaml` to one small file per run: settings resolved and checked, code fingerprinted."""
