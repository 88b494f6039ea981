"""Main effects and interactions of a grid, on scores with a known answer."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from ganpipe.common.variation import grid_of
from ganpipe.compare.effects import GridEffects, grid_effects
from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import Metric, Score
from ganpipe.config import SelectSettings

AXES = {"lr": ["0.001", "0.002"], "batch_size": ["64", "128"], "ema": ["0.9", "0.99", "0.999"]}
LN2, LN3 = math.log(2), math.log(3)


def scored(value_of: Callable[[dict[str, str]], float], names: list[str], seeds: int, noise: float = 0.02) -> Any:
    """Return the board of experiments whose log value is `value_of` plus noise, and their plans."""
    generator = np.random.default_rng(3)
    scores, plans = [], {}
    for name in names:
        settings = {"lr": "0.001", "batch_size": "64", "ema": "0.9"}
        settings |= dict(term.split("=") for term in name.split("+")[1:])
        for seed in range(seeds):
            value = math.exp(value_of(settings) + noise * generator.standard_normal())
            metric = Metric(value=value, direction="lower", protocol="p")
            run = f"{name}-{seed}"
            scores.append(
                Score(run=run, experiment=name, seed=seed, dataset="d", status="ok", reason="",
                      metrics={"fd_judge": metric}, protocols={"p": {}})
            )  # fmt: skip
            train = {
                "lr": float(settings["lr"]),
                "batch_size": int(settings["batch_size"]),
                "ema": float(settings["ema"]),
            }
            plans[run] = {"seed": seed, "train": train}
    (board,) = rank(scores, SelectSettings(metric="fd_judge")).boards
    return board, plans


def effects_of(board: Leaderboard, plans: Any) -> GridEffects:
    (effects,) = grid_effects(board, plans, 0.95)
    return effects


def test_main_effects_of_a_factorial_design_are_recovered() -> None:
    def value_of(settings: dict[str, str]) -> float:
        return LN2 * (settings["lr"] == "0.002") + LN3 * (settings["ema"] == "0.9")

    effects = effects_of(*scored(value_of, grid_of(["a"], AXES), seeds=4))
    assert (effects.scale, effects.settings) == ("ratio", ("lr", "batch_size", "ema"))
    lr, batch_size, ema = effects.effects
    assert [level.value for level in lr.levels] == ["0.001", "0.002"]
    assert lr.established
    assert lr.levels[1].behind == pytest.approx(2, rel=0.05)
    assert lr.blocks == 6
    assert not batch_size.established
    assert ema.levels[-1].value == "0.9"
    assert ema.levels[-1].distinct and not ema.levels[1].distinct
    assert effects.interactions == ()


def test_an_interaction_is_found_and_named() -> None:
    def value_of(settings: dict[str, str]) -> float:
        return LN2 * (settings["lr"] == "0.002" and settings["batch_size"] == "128")

    names = grid_of(["a"], {key: AXES[key] for key in ("lr", "batch_size")})
    (interaction,) = effects_of(*scored(value_of, names, seeds=5, noise=0.01)).interactions
    assert interaction.settings == ("lr", "batch_size")
    assert abs(math.log(interaction.effect)) == pytest.approx(LN2 / 4, rel=0.1)
    low, high = interaction.interval
    assert not low <= 1 <= high


def test_changes_of_one_setting_at_a_time_are_compared_with_the_base_only() -> None:
    """The other variations differ in two settings: they must not enter the effect of one."""

    def value_of(settings: dict[str, str]) -> float:
        return LN2 * (settings["lr"] == "0.002") + 10 * (settings["batch_size"] == "128")

    board, plans = scored(value_of, ["a", "a+lr=0.002", "a+batch_size=128"], seeds=3)
    lr = next(effect for effect in effects_of(board, plans).effects if effect.setting == "lr")
    assert [level.value for level in lr.levels] == ["0.001", "0.002"]
    assert lr.levels[1].behind == pytest.approx(2, rel=0.1)
    assert lr.blocks == 1


def test_effect_of_keep_is_found_outside_the_training() -> None:
    board, plans = scored(lambda settings: LN2 * ("keep" not in settings), ["a", "a+keep=best"], seeds=3)
    for run, plan in plans.items():
        plan["sample"] = {"count": 10} | ({"selection": {"selection": 500}} if "keep" in run else {})
    (keep,) = effects_of(board, plans).effects
    assert [level.value for level in keep.levels] == ["best", "last"]
    assert keep.levels[1].behind == pytest.approx(2, rel=0.1)


def test_an_incomplete_design_gives_no_effect() -> None:
    board, plans = scored(lambda _: 0.0, ["a+lr=0.001+batch_size=64", "a+lr=0.002+batch_size=128"], seeds=2)
    effects = effects_of(board, plans)
    assert effects.effects == ()
    assert effects.not_estimated == ("lr", "batch_size")


def test_one_seed_establishes_nothing() -> None:
    board, plans = scored(lambda settings: LN3 * (settings["lr"] == "0.002"), ["a", "a+lr=0.002"], seeds=1)
    (effect,) = effects_of(board, plans).effects
    assert not effect.established
    assert effect.levels[1].behind_interval is None


def test_entries_without_variations_have_no_effects() -> None:
    board, plans = scored(lambda _: 0.0, ["a", "b"], seeds=2)
    assert grid_effects(board, plans, 0.95) == ()


def test_equal_settings_are_rarely_called_distinct() -> None:
    """With 95 % confidence, at most about one design in twenty claims a difference that does not exist."""
    names = grid_of(["a"], {"ema": AXES["ema"]})
    generator = np.random.default_rng(0)
    claims = 0
    for _ in range(100):
        offsets = dict(zip(product(names, range(4)), generator.standard_normal(12), strict=True))
        board, plans = scored(lambda _: 0.0, names, seeds=4, noise=0.0)
        places = tuple(
            place.__class__(
                **{**vars(place), "values": tuple(math.exp(offsets[place.experiment, s]) for s in range(4))}
            )
            for place in board.places
        )
        board = board.__class__(**{**vars(board), "places": places})
        (effect,) = effects_of(board, plans).effects
        claims += any(level.distinct for level in effect.levels)
    assert claims <= 10
