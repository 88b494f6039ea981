import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from ganpipe.serve import html
from ganpipe.serve.session import GeneratorSession
from tests.serve.conftest import TOLD


def test_every_image_has_a_text_and_the_link_holds_them_all(workplace: Path) -> None:
    drawn = GeneratorSession.open(TOLD).draw(16, "7", 0)
    page = html.drawing(drawn)
    assert drawn.reading is not None
    texts = [f"Generated image {number}, read as {name}" for number, name in enumerate(drawn.reading.names, start=1)]
    assert re.findall(r'<img [^>]*alt="([^"]*)"', page) == texts
    (kept,) = re.findall(r'download="told-0.png" href="data:image/png;base64,([^"]*)"', page)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(kept))))
    np.testing.assert_array_equal(picture[:: drawn.scale, :: drawn.scale], drawn.sheet()[..., 0])


def test_trouble_is_text_and_not_markup() -> None:
    assert html.trouble("run <b>: no such run") == ('<p class="trouble" role="alert">run &lt;b&gt;: no such run</p>')
