"""A folder of images, and what a fetch of it writes."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from ganpipe.data.fetch_images import fetch_images
from ganpipe.data.pins import read_contents
from ganpipe.data.raw_images import RawImages, read_raw_images
from ganpipe.data.settings import DatasetSettings
from tests.data.image_files import encoded

PNG = encoded(Image.new("RGB", (9, 9), (10, 20, 30)), "PNG")


def write(folder: Path, *names: str, content: bytes = PNG) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


class Fetched:
    """The result of one fetch."""

    def __init__(self, source: Path, raw: Path, **settings: Any) -> None:
        raw.mkdir()
        self.lines: list[str] = []
        parsed = DatasetSettings(source="folder", path=str(source), size=8, **settings)
        fetch_images(source, parsed, raw, self.lines.append)
        self.raw, self.classes = raw, read_contents(raw).classes
        with (raw / "images.csv").open(encoding="utf-8", newline="") as handle:
            self.rows = list(csv.DictReader(handle))

    def of(self, column: str) -> dict[str, str]:
        return {row["file"]: row[column] for row in self.rows if row["status"] == "used"}

    @property
    def statuses(self) -> dict[str, int]:
        return dict(Counter(row["status"] for row in self.rows))

    @property
    def images(self) -> RawImages:
        return read_raw_images(self.raw, self.classes)
