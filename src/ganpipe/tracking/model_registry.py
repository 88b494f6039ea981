"""The registered model `ganpipe-generator`, whose alias `champion` names the best generator so far.

The winner of a report becomes champion when it is better than the present one by the same metric under the
same protocol. Numbers under different protocols cannot be compared: then the champion stays, and the alias can be moved
by hand.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganpipe.records.store import Record, load
from ganpipe.records.writers import Winner
from ganpipe.tracking.push import log, push
from ganpipe.tracking.store import Store
from ganpipe.tracking.timeouts import TrackingError

MODEL = "ganpipe-generator"
CHAMPION = "champion"
_GENERATOR = ("generator.safetensors", "model.json")
_REQUIREMENTS = ("mlflow", "torch", "numpy", "pandas", "safetensors")
_JUDGED = "ganpipe.judged"  # tag of a grid's run: the content of the report whose winner was considered
_WAIT = 5.0  # seconds that another process may take to consider its winner


def show(store: Store, record: Record, report: Callable[[str], None]) -> bool:
    """Make MLflow show a record, and a report's winner stand for champion; return whether anything changed."""
    changed = push(store, record)
    if "winner.json" not in getattr(record.parts.get("report"), "files", {}):
        return changed
    return _maybe_promote(store, record, report) or changed


def _maybe_promote(store: Store, record: Record, report: Callable[[str], None]) -> bool:
    grid, content = store.find(record.key), record.parts["report"].digest
    if grid is None or grid.data.tags.get(_JUDGED) == content:
        return False
    winner = Winner(**json.loads(record.path("report", "winner.json").read_text(encoding="utf-8")))
    try:
        with FileLock(store.root / ".ganpipe" / "champion.lock", timeout=_WAIT):
            verdict = _judge(store, winner)
    except Timeout as error:
        raise TrackingError("another process has been choosing the champion for too long") from error
    log(store, grid.info.run_id, [], {"ganpipe.champion": verdict, _JUDGED: content})
    report(verdict)
    return True


def _judge(store: Store, winner: Winner) -> str:
    """Compare the winner with the present champion, promote it where it is better, and say what was done."""
    champion = _champion(store)
    measured = f"{winner.run} ({winner.metric} {winner.value:.6g})"
    if champion is None:
        return f"{measured} is the first champion: {MODEL} version {_promote(store, winner)}"
    tags = champion.tags
    holder = f"{tags['run']} ({tags['metric']} {float(tags['value']):.6g})"
    if tags["key"] == winner.key:
        for name, text in _tags(winner).items():
            store.client.set_model_version_tag(MODEL, champion.version, name, text)
        return f"{measured} stays champion: {MODEL} version {champion.version}"
    if (tags["metric"], tags["protocol"]) != (winner.metric, winner.protocol):
        return (
            f"{measured} was not compared with the champion {holder}, measured under another protocol; "
            f"to choose by hand, move the alias {CHAMPION} of {MODEL} in MLflow"
        )
    gain = winner.value - float(tags["value"])
    if (gain < 0) if winner.direction == "lower" else (gain > 0):
        return f"{measured} follows {holder} as champion: {MODEL} version {_promote(store, winner)}"
    return f"{measured} is not better than the champion {holder}, which stays"


def _champion(store: Store) -> Any | None:
    registered = store.client.search_registered_models(f"name = '{MODEL}'")
    if not registered:
        store.client.create_registered_model(
            MODEL, description="Generators that won a report of ganpipe: count, label, seed -> images."
        )
        return None
    number = registered[0].aliases.get(CHAMPION)
    return store.client.get_model_version(MODEL, number) if number else None


def _tags(winner: Winner) -> dict[str, str]:
    return {
        "key": winner.key,
        "run": winner.run,
        "metric": winner.metric,
        "value": repr(winner.value),
        "direction": winner.direction,
        "protocol": winner.protocol,
    }


def _promote(store: Store, winner: Winner) -> str:
    """Log the winner's generator as a model, register it, and give it the alias; return its version."""
    from mlflow.entities import LoggedModelOutput

    record = load(store.root, winner.key)
    if "train" not in record.parts:
        raise TrackingError(f"the training of the winner {winner.run} was not filed under {winner.key}")
    push(store, record)
    run = store.find(winner.key)
    if run is None:
        raise TrackingError(f"the run {winner.key} vanished from MLflow")
    run_id = run.info.run_id
    model = store.client.create_logged_model(
        store.experiment_id, name="generator", source_run_id=run_id, tags=_tags(winner)
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "model")
        _save(record, folder, model.model_id, run_id)
        store.client.log_model_artifacts(model.model_id, str(folder))
    store.client.finalize_logged_model(model.model_id, "READY")
    store.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    registered = store.client.create_model_version(
        MODEL,
        model.artifact_location,
        run_id=run_id,
        tags=_tags(winner),
        description=f"{winner.run}: {winner.metric} {winner.value:.6g} (protocol {winner.protocol})",
        model_id=model.model_id,
    )
    store.client.set_registered_model_alias(MODEL, CHAMPION, registered.version)
    return str(registered.version)


def _save(record: Record, folder: Path, model_id: str, run_id: str) -> None:
    """Write the generator as an MLflow model whose code is the text of serve/model.py; nothing is pickled."""
    import pandas as pd  # type: ignore[import-untyped]
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    from ganpipe.serve.signature import EXAMPLE, signature

    with tempfile.TemporaryDirectory() as scratch:
        generator = Path(scratch, "generator")
        generator.mkdir()
        for name in _GENERATOR:
            shutil.copyfile(record.path("train", name), generator / name)
        save_model(
            folder,
            python_model=str(files("ganpipe.serve") / "model.py"),
            artifacts={"generator": str(generator)},
            signature=signature(),
            input_example=pd.DataFrame([EXAMPLE]),
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
            mlflow_model=Model(model_id=model_id, run_id=run_id),
        )
