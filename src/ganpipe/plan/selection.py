"""The selection of the generator that is sampled (`train.keep: best`): its settings in the plan, and their checks."""

from collections.abc import Iterator, Mapping

from ganpipe.config import Params
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.plan.metric_names import declarations
from ganpipe.plan.problems import ConfigProblem
from ganpipe.plan.resolve import ResolvedExperiment

_COMPARES_WITH_TRAINING_IMAGES = ("train", "subset", "imagenet")


def selection_settings(evaluate: EvaluateSettings) -> EvaluateSettings:
    """Return the settings of a selection: `metrics` and `curve.metrics` are those by which it can be made."""
    metrics = _selecting_metrics(evaluate)
    curve = evaluate.curve.model_copy(update={"metrics": metrics})
    return evaluate.model_copy(update={"metrics": metrics, "curve": curve})


def check_selection(params: Params, experiments: Mapping[str, ResolvedExperiment]) -> Iterator[ConfigProblem]:
    """Check that the experiments of the grid with `keep: best` have images and metrics by which to select."""
    evaluate, selecting = params.evaluate, []
    for name in params.grid.experiments:
        if name in experiments and experiments[name].settings.keep == "best":
            selecting.append(experiments[name])
    if not selecting:
        return
    if not evaluate.selection:
        for experiment in selecting:
            problem = (
                "needs images to select by, but evaluate.selection = 0. Set that to a number of training images, such "
                "as 2000, or keep: last."
            )
            yield ConfigProblem(experiment.location("keep"), "best", problem)
    if not evaluate.curve.samples:
        problem = "keep: best compares so many samples of each kept generator. Set it to 2000, or keep: last."
        yield ConfigProblem("evaluate.curve.samples", 0, problem)
    metrics = _selecting_metrics(evaluate)
    if not metrics:
        problem = (
            "keep: best selects by none of them. Name a metric that compares samples with training images, such as "
            "fd_judge or kid_imagenet, and add it to evaluate.metrics."
        )
        yield ConfigProblem("evaluate.curve.metrics", list(evaluate.curve.metrics), problem)
    needed = {name: declarations()[name].min_samples for name in metrics}
    if 0 < evaluate.selection < max(needed.values(), default=0):
        listed = ", ".join(f"{name} needs {images}" for name, images in needed.items())
        problem = f"too few images for keep: best: {listed}. Raise it, or change evaluate.curve.metrics."
        yield ConfigProblem("evaluate.selection", evaluate.selection, problem)


def _selecting_metrics(evaluate: EvaluateSettings) -> tuple[str, ...]:
    """Return the computed metrics of the curve that compare samples with training images, without the slow `fid`."""
    known = declarations()
    return tuple(
        name
        for name in evaluate.curve.metrics
        if name in evaluate.metrics
        and name in known
        and known[name].direction != "real"
        and known[name].real in _COMPARES_WITH_TRAINING_IMAGES
        and "inception" not in known[name].requires
    )
