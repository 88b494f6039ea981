"""Download of a generator from MLflow's model registry into a folder that an experiment can use as its `weights`."""

import re
import shutil
import tempfile
from pathlib import Path

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.errors import UserError
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS
from ganpipe.tracking.store import Store, open_store, supported_location
from ganpipe.tracking.timeouts import SYNC, TrackingError, call_with_timeout, redact

_MODEL_URI = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))")


def pull(root: Path, uri: str, folder: Path) -> None:
    """Copy the weights and the description of a registered generator into a new folder.

    uri: `models:/<name>@<alias>` or `models:/<name>/<version>`. An alias can move, so a plan does not refer to it: the
    plan names the folder and stores the digest of its content. Nothing that comes with the model is executed.

    Raises UserError if the folder exists, MLflow fails, or the model is not a generator of this pipeline.
    """
    location = redact(supported_location(root))
    if folder.exists():
        raise UserError(f"{folder}: exists already. Choose another folder or remove it.")
    with tempfile.TemporaryDirectory() as temporary:
        try:
            model = _download(open_store(root, SYNC), uri, temporary)
        except TrackingError as error:
            raise UserError(
                f"{uri}: cannot be downloaded from MLflow at {location} ({error}). "
                "Check its name and its aliases or versions under Models in `ganpipe ui`."
            ) from error
        found = next((path.parent for path in sorted(model.rglob(WEIGHTS))), None)
        if found is None or not (found / DESCRIPTION).is_file():
            raise UserError(
                f"{uri}: contains no {WEIGHTS} with a {DESCRIPTION}, so it is not a generator of this pipeline. "
                "Choose another model."
            )
        with atomic_folder(folder) as part:
            for name in (WEIGHTS, DESCRIPTION):
                shutil.copyfile(found / name, part / name)


def _download(store: Store, uri: str, folder: str) -> Path:
    from mlflow.artifacts import download_artifacts

    match = _MODEL_URI.fullmatch(uri)
    if match is None:
        raise UserError(f"{uri}: not a registered model. Write models:/<name>@<alias> or models:/<name>/<version>.")
    name, alias, version = match.groups()
    if alias:
        found = store.client.get_model_version_by_alias(name, alias)
    else:
        found = store.client.get_model_version(name, version)
    return Path(call_with_timeout(SYNC.call, download_artifacts, found.source, dst_path=folder, tracking_uri=store.uri))
