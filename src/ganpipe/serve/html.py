"""A sample sheet as HTML: images with alternative texts, metrics, sentences and a download link."""

import base64
import io
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.serve import text
from ganpipe.serve.session import SampleSheet

STYLE = """
.sheet { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; padding: 0.5rem 0; }
.sheet ul { display: flex; flex-wrap: wrap; gap: 0.5rem; list-style: none; margin: 0; padding: 0; }
.sheet figure { margin: 0; }
.sheet img { min-width: 84px; image-rendering: pixelated; }
.sheet figcaption { font-size: 0.8rem; text-align: center; }
section.sheet table { width: fit-content; border: 0; border-collapse: collapse; }
section.sheet th, section.sheet td { text-align: right; padding: 0.2rem 0 0.2rem 1rem; border: 0; }
section.sheet td { font-variant-numeric: tabular-nums; }
section.sheet tr { border: 0; border-bottom: 1px solid var(--border-color-primary); }
section.sheet th:first-child { text-align: left; padding-left: 0; }
.sheet h2 { font-size: 1rem; margin: 0; }
.sheet p { margin: 0; max-width: 42rem; }
.sheet a { padding: 0; text-decoration: underline; }
.dark { --color-accent: var(--primary-300); }
.error-message { border-left: 4px solid #b3261e; padding: 0.5rem 1rem; }
"""


def sample_sheet(sheet: SampleSheet) -> str:
    """Return the images with their predicted classes, the metrics, the sentences and a link to all images as PNG."""
    prediction = sheet.prediction
    figures = "".join(
        _figure(number, image, (prediction.names[number], prediction.confidences[number]) if prediction else None)
        for number, image in enumerate(sheet.images)
    )
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in text.sentences(sheet))
    grid = sheet.grid().repeat(sheet.scale, axis=0).repeat(sheet.scale, axis=1)
    run = escape(sheet.run)
    return (
        f'<section class="sheet" aria-label="Images of {run}"><h2>{run}</h2><ul>{figures}</ul>{_table(sheet)}'
        f'{sentences}<p><a download="{run}.png" href="{_data_uri(grid)}">Download all {len(sheet.images)} images as '
        "PNG</a></p></section>"
    )


def error(message: str) -> str:
    """Return an error message that screen readers announce at once."""
    return f'<p class="error-message" role="alert">{escape(message)}</p>'


def _figure(number: int, image: NDArray[np.uint8], predicted: tuple[str, float] | None) -> str:
    alt = f"Generated image {number + 1}" + (f", predicted class {escape(predicted[0])}" if predicted else "")
    caption = f"{escape(predicted[0])} {predicted[1]:.0%}" if predicted else ""
    return (
        f'<li><figure><img src="{_data_uri(image.transpose(1, 2, 0))}" alt="{alt}">'
        f"<figcaption>{caption}</figcaption></figure></li>"
    )


def _data_uri(image: NDArray[np.uint8]) -> str:
    """Return an image H,W,C as a PNG data URI."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _table(sheet: SampleSheet) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in text.COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, *cells in text.rows(sheet)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
