"""A sample sheet as sentences and table rows, shared by the command line and the demo page."""

from ganpipe.serve.session import SampleSheet

COLUMNS = ("metric", "these images", "real images", "ratio")


def percent(share: float) -> str:
    """Format a share as per cent with three significant digits."""
    return f"{100 * share:.3g} %"


def rows(sheet: SampleSheet) -> list[tuple[str, str, str, str]]:
    """Return the metrics as cells under COLUMNS; real images are held-out ones of the requested class."""
    return [
        (metric.name, f"{metric.value:.4g}", f"{metric.real:.4g}", f"{metric.ratio:.2f}") for metric in sheet.metrics
    ]


def sentences(sheet: SampleSheet) -> list[str]:
    """Return how the images were selected, if they were, and the judge's predictions."""
    lines = []
    if search := sheet.search:
        lines.append(
            f"{sheet.run} is not conditioned on class labels. The judge classified {search.matching} of "
            f"{search.sampled} samples ({percent(search.matching / search.sampled)}) as {sheet.class_name}; these are "
            f"the first {len(sheet.images)}."
        )
    prediction = sheet.prediction
    if prediction is None:
        return [*lines, "The judge of this dataset was trained without class labels, so no classes are predicted."]
    counts = ", ".join(f"{name} ({count})" for name, count in prediction.counts)
    lines.append(f"Classes predicted by the judge: {counts}. Mean confidence {percent(prediction.mean_confidence)}.")
    if sheet.class_name is not None and not sheet.search:
        lines.append(f"{percent(prediction.share(sheet.class_name))} are predicted as the requested class.")
    return lines
