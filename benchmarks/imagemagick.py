"""Compare how image files are read with what ImageMagick shows.

    python benchmarks/imagemagick.py [--files 900]

Writes undamaged random files of all formats and modes (those of tests/data/test_fuzz_images.py), converts each with
ImageMagick (`convert-im6`, `magick` or `convert`) and prints the largest difference in grey levels by format and mode.
Files that no program has to show alike are left out: with a profile or EXIF data.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.data.test_fuzz_images import Made, make

from ganpipe.data.read_image import ImageError, read_image

TOLERANCE = 2
PROGRAMS = ("convert-im6", "magick", "convert")


def main() -> None:
    """Print one line per format and mode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=900, help="number of compared files")
    chosen = parser.parse_args()
    program = next((path for path in map(shutil.which, PROGRAMS) if path), None)
    if program is None:
        print("skipped: ImageMagick is not installed")
        return
    draw, differences = random.Random(0), defaultdict[str, list[int]](list)  # noqa: S311 - reproducible
    rejected = Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        compared = 0
        while compared < chosen.files:
            made = make(draw)
            if not made.plain:
                continue
            compared += 1
            try:
                read = read_image(made.content)
            except ImageError as error:
                rejected[str(error)] += 1
                continue
            shown = _shown_by(program, made, Path(folder))
            ours = np.asarray(read.image.convert("RGB")).astype(int)
            same_size = shown is not None and shown.shape == ours.shape
            differences[read.stored_as].append(int(np.abs(ours - shown).max()) if same_size else 256)
    for reason, count in rejected.items():
        print(f"rejected: {count} files: {reason}")
    print(f"{'format and mode':20} {'files':>6} {'largest':>8} {f'above {TOLERANCE}':>8}")
    for name, levels in sorted(differences.items()):
        print(f"{name:20} {len(levels):6} {max(levels):8} {sum(level > TOLERANCE for level in levels):8}")


def _shown_by(program: str, made: Made, folder: Path) -> np.ndarray | None:
    """Return the first frame as ImageMagick shows it over white (H,W,3), or None if it cannot read the file."""
    path = folder / f"image.{made.format.lower()}"
    path.write_bytes(made.content)
    command = [program, f"{path}[0]", "-background", "white", "-flatten", "-colorspace", "sRGB", "-depth", "8",
               "-type", "TrueColor", "ppm:-"]  # fmt: skip
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode or not found.stdout:
        return None
    _, size, _, pixels = found.stdout.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3).astype(int)


if __name__ == "__main__":
    main()
