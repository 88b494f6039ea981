"""The registered model `ganpipe-generator`, whose alias `champion` marks the best generator so far.

The winner of a report becomes champion if it is better than the present champion by the same metric under the same
protocol. Values under different protocols cannot be compared: then the champion stays, and the alias can be moved by
hand.
"""

import json
from collections.abc import Callable
from typing import Any

from filelock import FileLock, Timeout

from ganpipe.records.store import Record, load
from ganpipe.records.writers import Winner
from ganpipe.tracking.model_card import model_card
from ganpipe.tracking.models import log_generator
from ganpipe.tracking.push import log, push, set_state, state
from ganpipe.tracking.store import Store
from ganpipe.tracking.timeouts import TrackingError, UnsupportedError
from ganpipe.tracking.verdicts import show_verdicts

MODEL = "ganpipe-generator"
CHAMPION = "champion"
NO_REGISTRY = "The MLflow server does not support logged models (MLflow 3), so no champion was registered."
_TAGS = {"key", "run", "metric", "value", "direction", "protocol"}
CHAMPION_STATE = "champion"
"""Entry in the state of a report's run: digest of the report whose winner was compared with the champion."""
_LOCK_WAIT = 5.0  # seconds that another process may take to compare its winner


def show(store: Store, record: Record, report: Callable[[str], None]) -> bool:
    """Display a record in MLflow, and for a report its verdicts and champion; return whether anything changed."""
    changed = push(store, record)
    if record.kind == "grid":
        changed |= show_verdicts(store, record)
        if "winner.json" in record.parts["report"].files:
            changed |= _maybe_promote(store, record, report)
    return changed


def move_champion(store: Store, old_run: str, key: str) -> None:
    """Register the champion again if it comes from `old_run`, which another run of the same record replaces."""
    try:
        champion = _champion(store)
        if champion is not None and champion.run_id == old_run and champion.tags.keys() >= _TAGS:
            known = {name: champion.tags[name] for name in ("run", "metric", "direction", "protocol")}
            _promote(store, Winner(key=key, value=float(champion.tags["value"]), **known), report=None)
    except UnsupportedError:
        return  # without a model registry there is no champion


def _maybe_promote(store: Store, record: Record, report: Callable[[str], None]) -> bool:
    grid, content = store.find(record.key, "grid"), record.parts["report"].digest
    if grid is None or state(grid).get(CHAMPION_STATE) == content:
        return False
    winner = Winner(**json.loads(record.path("report", "winner.json").read_text(encoding="utf-8")))
    try:
        with FileLock(store.root / ".ganpipe" / "champion.lock", timeout=_LOCK_WAIT):
            verdict = _compare_with_champion(store, winner, record)
    except Timeout as error:
        raise TrackingError(f"another process has been choosing the champion for more than {_LOCK_WAIT:g} s") from error
    except UnsupportedError:
        report(NO_REGISTRY)
        return False
    log(store, grid.info.run_id, [], {"champion": verdict})
    set_state(store, grid, **{CHAMPION_STATE: content})
    report(verdict)
    return True


def _compare_with_champion(store: Store, winner: Winner, report: Record) -> str:
    """Promote the winner if it is better than the present champion; return what was done, as a sentence."""
    champion = _champion(store)
    measured = f"{winner.run} ({winner.metric} {winner.value:.6g})"
    if champion is None:
        return f"{measured} is the first champion: {MODEL} version {_promote(store, winner, report)}"
    tags = champion.tags
    if not tags.keys() >= _TAGS:
        return f"{measured} was not compared with version {champion.version} of {MODEL}, which was registered by hand"
    holder = f"{tags['run']} ({tags['metric']} {float(tags['value']):.6g})"
    if tags["key"] == winner.key:
        run = store.find(winner.key, "run")
        if run is None or champion.run_id != run.info.run_id:  # it was trained again, with other weights
            return f"{measured} stays champion after a new training: {MODEL} version {_promote(store, winner, report)}"
        model = state(run).get("model")
        if tags.get("model", model) != model:  # the samples now come from another generator of the same training
            return f"{measured} stays champion, another generator: {MODEL} version {_promote(store, winner, report)}"
        for name, text in _winner_tags(winner).items():
            store.client.set_model_version_tag(MODEL, champion.version, name, text)
        return f"{measured} stays champion: {MODEL} version {champion.version}"
    compared = ("metric", "protocol", "direction")
    if any(tags[name] != getattr(winner, name) for name in compared):
        return (
            f"{measured} was not compared with the champion {holder}, which was evaluated under another protocol; "
            f"to choose by hand, move the alias {CHAMPION} of {MODEL} in MLflow"
        )
    gain = winner.value - float(tags["value"])
    if (gain < 0) if winner.direction == "lower" else (gain > 0):
        return f"{measured} replaces {holder} as champion: {MODEL} version {_promote(store, winner, report)}"
    return f"{measured} is not better than the champion {holder}, which stays"


def check_registry(store: Store) -> None:
    """Raise UnsupportedError if the store has no logged models or no model registry."""
    store.client.search_logged_models([store.runs_id], max_results=1)
    store.client.search_registered_models(max_results=1)


def _champion(store: Store) -> Any | None:
    """Return the champion's model version, or None; create the registered model if it is missing."""
    check_registry(store)  # the registry of MLflow 2 answers, but its search hides the registered model
    registered = store.client.search_registered_models(f"name = '{MODEL}'")
    if not registered:
        store.client.create_registered_model(
            MODEL, description="Generators that won a report of ganpipe. Input: count, label, seed. Output: images."
        )
        return None
    number = registered[0].aliases.get(CHAMPION)
    return store.client.get_model_version(MODEL, number) if number else None


def _winner_tags(winner: Winner) -> dict[str, str]:
    return {
        "key": winner.key,
        "run": winner.run,
        "metric": winner.metric,
        "value": repr(winner.value),
        "direction": winner.direction,
        "protocol": winner.protocol,
    }


def _promote(store: Store, winner: Winner, report: Record | None) -> str:
    """Register the model of the winner's run, move the alias to it, and return its version.

    report: the record of the report that it won, from which its model card is written.
    """
    record = load(store.root, winner.key)
    if "train" not in record.parts:
        raise TrackingError(f"the training of the winner {winner.run} has no record {winner.key}")
    push(store, record)
    run = store.find(winner.key, "run")
    if run is None:
        raise TrackingError(f"the run {winner.key} disappeared from MLflow")
    run_id, tags = run.info.run_id, _winner_tags(winner)
    model_id = state(run).get("model") or log_generator(store, run_id, record)
    if model_id is None:
        raise TrackingError(f"the training of the winner {winner.run} has no generator")
    set_state(store, run, model=model_id)
    registered = store.client.create_model_version(
        MODEL,
        store.client.get_logged_model(model_id).artifact_location,
        run_id=run_id,
        tags={**tags, "model": model_id},
        description=f"{winner.run}: {winner.metric} {winner.value:.6g} (protocol {winner.protocol})",
        model_id=model_id,
    )
    number = str(registered.version)
    if report is not None:
        card = model_card(MODEL, number, run_id, winner, record, report)
        store.client.update_model_version(MODEL, number, card)
    store.client.set_registered_model_alias(MODEL, CHAMPION, number)
    return number
