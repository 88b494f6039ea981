"""Digests of the user's own files that a plan depends on: datasets, weights, and images made elsewhere.

DVC does not see these files. The stage `manifest`, which DVC always runs, writes their digests, and `plan` depends on
them. Only changed images are read again (see `ganpipe.data.manifest`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name
from ganpipe.config import Params
from ganpipe.data.fetch import source_digest
from ganpipe.data.given_images import given_digest, path_of_seed
from ganpipe.data.settings import OWN_SOURCES, DatasetSettings
from ganpipe.plan.resolve import parse_params
from ganpipe.plan.weights import weights_digest

_MISSING = "missing"
"""Instead of the digest of files that do not exist or cannot be read: `plan` reports them."""


def external_digests(content: Mapping[str, Any], pins: Path) -> dict[str, dict[str, str]]:
    """Return dataset -> digest, folder of weights -> digest and path of images -> digest, as far as the grid uses them.

    content: of `params.yaml`. Invalid settings give no digests: `plan` reports them.
    """
    params, _ = parse_params(content)
    if params is None:
        return {}
    own = {name: params.datasets[name] for name in params.grid.datasets if name in params.datasets}
    return {
        "datasets": {
            name: _dataset_digest(settings, pins) for name, settings in own.items() if settings.source in OWN_SOURCES
        },
        "weights": {folder: weights_digest(folder) or _MISSING for folder in _values(params, "weights")},
        "images": {
            str(path): _images_digest(path)
            for setting in _values(params, "path")
            for path in dict.fromkeys(path_of_seed(setting, seed) for seed in params.grid.seeds)
        },
    }


def _dataset_digest(settings: DatasetSettings, pins: Path) -> str:
    try:
        return source_digest(settings, pins)
    except UserError:
        return _MISSING


def _images_digest(path: Path) -> str:
    try:
        return given_digest(path)
    except UserError:
        return _MISSING


def _values(params: Params, setting: str) -> list[str]:
    """Return the values of a setting in the experiments of the grid."""
    entries = [params.experiments.get(base_name(name), {}) for name in params.grid.experiments]
    values = (entry.get(setting, params.train.get(setting)) for entry in entries)
    return sorted({value for value in values if isinstance(value, str)})
