"""A drawing in words: the same sentences and figures on the terminal and on the page."""

from ganpipe.serve.session import SampleSheet

COLUMNS = ("measure", "these images", "real images", "ratio")


def percent(share: float) -> str:
    """A share as per cent with three digits at most."""
    return f"{100 * share:.3g} %"


def rows(drawing: SampleSheet) -> list[tuple[str, str, str, str]]:
    """The measures under COLUMNS; real images are held-out ones of the class that was asked for."""
    return [(one.name, f"{one.value:.4g}", f"{one.real:.4g}", f"{one.ratio:.2f}") for one in drawing.measures]


def sentences(drawing: SampleSheet) -> list[str]:
    """How the images came to be, as far as it must be known, and what the judge reads in them."""
    told = []
    if search := drawing.search:
        told.append(
            f"{drawing.run} cannot be told a class: the judge chose these {len(drawing.images)} images, the first that "
            f"it reads as {drawing.asked}, from {search.drawn} drawn, of which {search.hits} "
            f"({percent(search.hits / search.drawn)}) read so."
        )
    reading = drawing.reading
    if reading is None:
        return [*told, "The judge of this data set has learnt no classes, so it reads none here."]
    counts = ", ".join(f"{count} as {name}" for name, count in reading.counts)
    told.append(f"The judge reads {counts}. It is {percent(reading.confidence)} sure on average.")
    if drawing.asked is not None and not drawing.search:
        told.append(f"{percent(reading.share(drawing.asked))} read as the class that was asked for.")
    return told
