"""Draw images from a trained run into one PNG picture, and print what is measured and read in them."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common.errors import UserError
from ganpipe.common.progress import counting, working
from ganpipe.common.text_table import text_table

if TYPE_CHECKING:
    from ganpipe.serve.session import GeneratorSession, SampleSheet

EXAMPLES = (
    "python -m ganpipe sample -o grid.png",
    "python -m ganpipe sample --run e01-lsgan-0 --digit 7 -n 16 --seed 3 -o sevens.png",
    "python -m ganpipe sample --seed 3 --interpolate 4 -n 8 -o walk.png",
)
_NEXT = -1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to draw, and where to."""
    parser.add_argument("--run", metavar="E-S", help="experiment and seed, as in out/models; default: the winner")
    parser.add_argument("--class", "--digit", dest="asked", metavar="NAME", help="class of all images; default: any")
    parser.add_argument("-n", "--count", type=int, default=16, metavar="N", help="number of images (default 16)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the noise (default 0)")
    parser.add_argument(
        "--interpolate",
        type=int,
        nargs="?",
        const=_NEXT,
        metavar="SEED",
        help="walk from the first image of --seed to that of this one; without a number: the next seed",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PNG", help="file to write")


def run(arguments: argparse.Namespace) -> None:
    """Draw, save and tell."""
    _check_output(arguments.output)
    with working("images", unit=" images") as bar:  # what follows takes seconds to load
        from ganpipe.common.image_grid import save_png
        from ganpipe.serve import text
        from ganpipe.serve.session import GeneratorSession

        studio = GeneratorSession.open(arguments.run)
        bar.set_description_str(studio.run)
        with counting(bar, studio.generator.network):
            drawing = _drawn(studio, arguments)
    save_png(drawing.sheet(), arguments.output, drawing.scale)
    print(f"{drawing.run}: {len(drawing.images)} images -> {arguments.output}")
    print(text_table([text.COLUMNS, *text.rows(drawing)]))
    print("\n".join(text.sentences(drawing)))


def _drawn(studio: "GeneratorSession", arguments: argparse.Namespace) -> "SampleSheet":
    if arguments.interpolate is not None:
        end = arguments.seed + 1 if arguments.interpolate == _NEXT else arguments.interpolate
        return studio.walk(arguments.count, arguments.asked, arguments.seed, end)
    return studio.draw(arguments.count, arguments.asked, arguments.seed)


def _check_output(output: Path) -> None:
    """Before anything is drawn. Raises UserError."""
    if output.suffix.lower() != ".png":
        raise UserError(f"-o {output}: the picture is a PNG file: name it {output.with_suffix('.png')}")
    if not output.parent.is_dir():
        raise UserError(f"-o {output}: there is no folder {output.parent}: make it, or choose another")
    if output.is_dir():
        raise UserError(f"-o {output} is a folder: name a file in it, {output / 'grid.png'}")
    try:
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise UserError(f"-o {output} cannot be written ({error.strerror}): choose another folder") from None
