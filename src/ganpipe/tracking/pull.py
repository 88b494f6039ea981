"""Brings a generator from MLflow's model registry into a folder, where an experiment can name it as its `weights`."""

import re
import shutil
import tempfile
from pathlib import Path

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.errors import UserError
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS
from ganpipe.tracking.store import SYNC, Store, location, open_store
from ganpipe.tracking.timeouts import TrackingError, call_with_timeout, redact

_ADDRESS = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))")


def pull(root: Path, address: str, folder: Path) -> None:
    """Copy the weights and the description of a registered generator into a new folder.

    address: `models:/<name>@<alias>` or `models:/<name>/<version>`. An alias may move, so it is not what a plan names:
    the plan names the folder, and keeps the digest of what lay there.

    Raises UserError when the folder exists, MLflow fails, or the model holds no generator of this pipeline. Nothing
    that comes with the model is executed.
    """
    if folder.exists():
        raise UserError(f"{folder} is there already: name another folder, or remove it")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            model = _download(open_store(root, SYNC), address, scratch)
        except TrackingError as trouble:
            raise UserError(
                f"{address} could not be had from MLflow at {redact(location(root))} ({trouble}). "
                "Look for its name and its aliases or versions under Models in `python -m ganpipe ui`."
            ) from trouble
        found = next((path.parent for path in sorted(model.rglob(WEIGHTS))), None)
        if found is None or not (found / DESCRIPTION).is_file():
            raise UserError(f"{address} holds no {WEIGHTS} with a {DESCRIPTION}: it is no generator of this pipeline")
        with atomic_folder(folder) as part:
            for name in (WEIGHTS, DESCRIPTION):
                shutil.copyfile(found / name, part / name)


def _download(store: Store, address: str, scratch: str) -> Path:
    from mlflow.artifacts import download_artifacts

    named = _ADDRESS.fullmatch(address)
    if named is None:
        raise UserError(f"{address} is no registered model: write models:/<name>@<alias> or models:/<name>/<version>")
    name, alias, version = named.groups()
    if alias:
        found = store.client.get_model_version_by_alias(name, alias)
    else:
        found = store.client.get_model_version(name, version)
    return Path(
        call_with_timeout(SYNC.call, download_artifacts, found.source, dst_path=scratch, tracking_uri=store.uri)
    )
