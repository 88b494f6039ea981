"""Sample images from a trained run into a PNG file, and print their metrics and predicted classes."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common.errors import UserError
from ganpipe.common.progress import count_images, progress_bar
from ganpipe.common.text_table import text_table

if TYPE_CHECKING:
    from ganpipe.serve.session import GeneratorSession, SampleSheet

EXAMPLES = (
    "ganpipe sample -o grid.png",
    "ganpipe sample --run e01-lsgan-0 --digit 7 -n 16 --seed 3 -o sevens.png",
    "ganpipe sample --seed 3 --interpolate 4 -n 8 -o interpolation.png",
)
_NEXT_SEED = -1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, the images to sample, and the output file."""
    parser.add_argument("--run", metavar="E-S", help="experiment and seed, as in out/models; default: the winner")
    parser.add_argument(
        "--class", "--digit", dest="class_name", metavar="NAME", help="class of all images; default: any"
    )
    parser.add_argument("-n", "--count", type=int, default=16, metavar="N", help="number of images (default 16)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the latent vectors (default 0)")
    parser.add_argument(
        "--interpolate",
        type=int,
        nargs="?",
        const=_NEXT_SEED,
        metavar="SEED",
        help="interpolate from the first image of --seed to that of SEED (default: the next seed)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PNG", help="output file")


def run(arguments: argparse.Namespace) -> None:
    """Sample, save the grid, and print its metrics and predicted classes."""
    _check_output(arguments.output)
    with progress_bar("images", unit=" images") as bar:  # shown during the imports, which take seconds
        from ganpipe.common.image_grid import save_png
        from ganpipe.serve import text
        from ganpipe.serve.session import GeneratorSession

        session = GeneratorSession.open(arguments.run)
        bar.set_description_str(session.run)
        with count_images(bar, session.generator.network):
            sheet = _sample(session, arguments)
    save_png(sheet.grid(), arguments.output, sheet.scale)
    print(f"{sheet.run}: {len(sheet.images)} images -> {arguments.output}")
    print(text_table([text.COLUMNS, *text.rows(sheet)]))
    print("\n".join(text.sentences(sheet)))


def _sample(session: "GeneratorSession", arguments: argparse.Namespace) -> "SampleSheet":
    if arguments.interpolate is not None:
        end = arguments.seed + 1 if arguments.interpolate == _NEXT_SEED else arguments.interpolate
        return session.interpolate(arguments.count, arguments.class_name, arguments.seed, end)
    return session.sample(arguments.count, arguments.class_name, arguments.seed)


def _check_output(output: Path) -> None:
    """Raise UserError if the file cannot be written, before anything is sampled."""
    if output.suffix.lower() != ".png":
        raise UserError(f"-o {output}: not a PNG file name. Use {output.with_suffix('.png')}.")
    if not output.parent.is_dir():
        raise UserError(f"-o {output}: no such folder: {output.parent}. Create it or choose another.")
    if output.is_dir():
        raise UserError(f"-o {output}: is a folder. Name a file in it, such as {output / 'grid.png'}.")
    try:
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise UserError(f"-o {output}: cannot be written ({error.strerror}). Choose another folder.") from None
