"""A drawing as HTML: every image with a text for those who cannot see it, figures, sentences, the picture to keep."""

import base64
import io
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.serve import text
from ganpipe.serve.session import SampleSheet

STYLE = """
.drawing { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; padding: 0.5rem 0; }
.drawing ul { display: flex; flex-wrap: wrap; gap: 0.5rem; list-style: none; margin: 0; padding: 0; }
.drawing figure { margin: 0; }
.drawing img { min-width: 84px; image-rendering: pixelated; }
.drawing figcaption { font-size: 0.8rem; text-align: center; }
section.drawing table { width: fit-content; border: 0; border-collapse: collapse; }
section.drawing th, section.drawing td { text-align: right; padding: 0.2rem 0 0.2rem 1rem; border: 0; }
section.drawing td { font-variant-numeric: tabular-nums; }
section.drawing tr { border: 0; border-bottom: 1px solid var(--border-color-primary); }
section.drawing th:first-child { text-align: left; padding-left: 0; }
.drawing h2 { font-size: 1rem; margin: 0; }
.drawing p { margin: 0; max-width: 42rem; }
.drawing a { padding: 0; text-decoration: underline; }
.dark { --color-accent: var(--primary-300); }
.trouble { border-left: 4px solid #b3261e; padding: 0.5rem 1rem; }
"""


def drawing(drawn: SampleSheet) -> str:
    """The images with what the judge reads in each, the measures, the sentences, and a link to the picture."""
    reading = drawn.reading
    figures = "".join(
        _figure(number, image, (reading.names[number], reading.sure[number]) if reading else None)
        for number, image in enumerate(drawn.images)
    )
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in text.sentences(drawn))
    sheet = drawn.sheet().repeat(drawn.scale, axis=0).repeat(drawn.scale, axis=1)
    run = escape(drawn.run)
    return (
        f'<section class="drawing" aria-label="Images of {run}"><h2>{run}</h2><ul>{figures}</ul>{_table(drawn)}'
        f'{sentences}<p><a download="{run}.png" href="{_address(sheet)}">Download all {len(drawn.images)} as PNG</a>'
        "</p></section>"
    )


def trouble(message: str) -> str:
    """What is wrong, and the cure; read out at once by a screen reader."""
    return f'<p class="trouble" role="alert">{escape(message)}</p>'


def _figure(number: int, image: NDArray[np.uint8], read: tuple[str, float] | None) -> str:
    alt = f"Generated image {number + 1}" + (f", read as {escape(read[0])}" if read else "")
    caption = f"{escape(read[0])} {read[1]:.0%}" if read else ""
    return (
        f'<li><figure><img src="{_address(image.transpose(1, 2, 0))}" alt="{alt}">'
        f"<figcaption>{caption}</figcaption></figure></li>"
    )


def _address(picture: NDArray[np.uint8]) -> str:
    """A picture H,W,C as an address that holds it."""
    file = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _table(drawn: SampleSheet) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in text.COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, *cells in text.rows(drawn)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
