import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from ganpipe.serve import html
from ganpipe.serve.session import GeneratorSession
from tests.serve.conftest import CONDITIONAL


def test_every_image_has_an_alternative_text_and_the_link_contains_all(workspace: Path) -> None:
    sheet = GeneratorSession.open(CONDITIONAL).sample(16, "7", 0)
    page = html.sample_sheet(sheet)
    assert sheet.prediction is not None
    alts = [
        f"Generated image {number}, predicted class {name}"
        for number, name in enumerate(sheet.prediction.names, start=1)
    ]
    assert re.findall(r'<img [^>]*alt="([^"]*)"', page) == alts
    (encoded,) = re.findall(r'download="conditional-0.png" href="data:image/png;base64,([^"]*)"', page)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
    np.testing.assert_array_equal(image[:: sheet.scale, :: sheet.scale], sheet.grid()[..., 0])


def test_error_message_is_escaped() -> None:
    assert html.error("run <b>: no such run") == (
        '<p class="error-message" role="alert">run &lt;b&gt;: no such run</p>'
    )
