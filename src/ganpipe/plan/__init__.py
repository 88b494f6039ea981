"""From `params.yaml` to one plan file per run: settings resolved and checked, code fingerprinted."""
