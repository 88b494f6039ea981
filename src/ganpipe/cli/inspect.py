"""Report what a folder of images contains, and write the entry of params.yaml for it."""

import argparse
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ganpipe.common.errors import UserError
from ganpipe.common.formatting import count
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.plan import layout

if TYPE_CHECKING:
    from ganpipe.data.inspection import Inspection

EXAMPLES = ("ganpipe inspect ~/images", "ganpipe inspect ~/images.zip --write mine")
_SHOWN = 5
_FEW_IMAGES, _FEW_PER_CLASS, _MAX_BROKEN = 1000, 20, 10
_COLUMNS = 8
_MOST_EPOCHS = 200
_JUDGED = 26_000
"""Images that a judge sees during its training, repeats included: after fewer it learnt nothing in a trial."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the path, the contact sheet, and the name under which to write the entry."""
    parser.add_argument("path", type=Path, help="a folder with images, also in subfolders, or a .zip or .tar archive")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PNG", help="contact sheet (default: out/inspect/NAME.png)"
    )
    parser.add_argument("--write", metavar="NAME", help="add the dataset and an experiment on it to params.yaml")


def run(arguments: argparse.Namespace) -> None:
    """Print the report and write the contact sheet."""
    from ganpipe.common.image_grid import save_grid
    from ganpipe.data.inspection import inspect_images

    path = arguments.path.expanduser()
    found = inspect_images(path)
    print("\n".join(report(path, found)))
    name = arguments.write or re.sub(r"[^a-z0-9_.-]+", "-", path.resolve().name.partition(".")[0].lower()).strip("-_.")
    name = name or "mine"
    sheet = arguments.output or layout.OUT / "inspect" / f"{name}.png"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    save_grid(found.thumbnails, sheet, _COLUMNS)
    print(f"\ncontact sheet: {sheet}")
    # A relative path in params.yaml starts at the checkout.
    written = path if layout.PARAMS.exists() else path.resolve()
    dataset, experiment = entries(name, written, found)
    if arguments.write:
        add_entries(layout.PARAMS, name, dataset, experiment)
        print(f"added to {layout.PARAMS}: datasets.{name} and experiments.{name}-dcgan. To train on it:")
    else:
        print(f"\nfor {layout.PARAMS}:\n\ndatasets:\n  {dataset}\nexperiments:\n  {experiment}\n\nTo train on it then:")
    print(f"  dvc exp run -S 'grid.datasets=[{name}]' -S 'grid.experiments=[{name}-dcgan]'")


def report(path: Path, found: "Inspection") -> Iterator[str]:
    """Yield the lines of the report: numbers first, then what needs attention."""
    yield f"{path}: {count(found.files, 'file')}, {count(found.images, 'readable image')}"
    sides = found.short_sides
    yield f"  shorter side: {sides[0]} to {sides[-1]} pixels, median {sides[len(sides) // 2]}"
    yield f"  most frequent sizes: {_most_common((f'{w}x{h}', n) for (w, h), n in found.sizes.most_common())}"
    yield f"  stored as: {_most_common(found.stored_as.most_common())}"
    yield f"  colours: {found.grey} grey, {found.images - found.grey} coloured"
    if found.has_splits:
        yield "  splits: folders named train and test (or val), which are kept"
    if found.classes:
        yield f"  classes: {len(found.classes)} subfolders: {_most_common(found.classes.most_common())}"
    if found.table and not found.classes:
        yield f"  labels: the table {found.table}"
    if found.notes:
        yield f"  remarks: {_most_common(found.notes.most_common())}"
    if found.skipped:
        yield f"  not used: {_most_common(found.skipped.most_common())}"
    yield from _warnings(found)


def _warnings(found: "Inspection") -> Iterator[str]:
    if found.images < _FEW_IMAGES:
        yield f"warning: {found.images} images are few: augment them, and expect copies (docs/your-images.md)"
    if small := sorted(name for name, images in found.classes.items() if images < _FEW_PER_CLASS):
        names = ", ".join(f"{name} ({found.classes[name]})" for name in small[:_SHOWN])
        yield f"warning: classes with fewer than {_FEW_PER_CLASS} images: {names}{_more(small)}"
    if found.duplicates:
        pairs = [f"{name} equals {first}" for name, first in found.duplicates.items()]
        yield f"warning: {count(len(pairs), 'duplicate')}: {', '.join(pairs[:_SHOWN])}{_more(pairs)}"
    if found.broken:
        lines = [f"{name} ({reason})" for name, reason in found.broken.items()]
        yield f"warning: {count(len(lines), 'unreadable image')}: {', '.join(lines[:_SHOWN])}{_more(lines)}"
    if odd := sum(n for (w, h), n in found.sizes.items() if max(w, h) > 1.5 * min(w, h)):
        yield f"warning: {odd} images are far from square: their centre is used; fit: pad keeps all of them"


def entries(name: str, path: Path, found: "Inspection") -> tuple[str, str]:
    """Return the entries of `datasets` and `experiments`, one line of YAML each."""
    settings = [f"source: folder, path: {_quoted(str(path))}, size: {found.suggested_size}"]
    if found.classes:
        settings.append("classes: subfolders")
    elif found.table:
        settings.append(f"classes: {found.table}")
    epochs = min(math.ceil(_JUDGED / max(found.images, 1)), _MOST_EPOCHS)
    if epochs > JudgeSettings().epochs:
        settings.append(f"judge: {{epochs: {epochs}}}")
    if len(found.broken) > _MAX_BROKEN:
        settings.append(f"max_broken: {len(found.broken)}")
    return (
        f"{name}: {{{', '.join(settings)}}}",
        f"{name}-dcgan: {{document: own, title: DCGAN on {name}, dataset: {name}}}",
    )


def add_entries(params: Path, name: str, dataset: str, experiment: str) -> None:
    """Insert the entries at the top of their sections; everything else in the file stays as it is.

    Raises UserError if the name is invalid or an entry exists.
    """
    from pydantic import TypeAdapter, ValidationError

    from ganpipe.config import Name
    from ganpipe.plan.resolve import read_params

    try:
        TypeAdapter(Name).validate_python(f"{name}-dcgan")
        is_name = yaml.safe_load(name) == name  # YAML reads `123` and `on` as something else than text
    except ValidationError:
        is_name = False
    if not is_name:
        raise UserError(
            f"--write {name}: not a name. Use at most 54 lower-case letters, digits, dots, dashes and underscores, and "
            "no number or word of YAML."
        )
    content = read_params(params)
    for section, key in (("datasets", name), ("experiments", f"{name}-dcgan")):
        if key in (content.get(section) or {}):
            raise UserError(f"{params}: {section}.{key} exists already. Choose another name.")
    text = params.read_text(encoding="utf-8")
    for section, line in (("datasets", dataset), ("experiments", experiment)):
        heading = re.search(rf"^{section}:[^\S\n]*(#.*)?$", text, re.MULTILINE)
        if heading is None:
            raise UserError(f"{params}: has no block {section}. Add the printed lines by hand.")
        text = f"{text[: heading.end()]}\n  {line}{text[heading.end() :]}"
    params.write_text(text, encoding="utf-8")


def _most_common(pairs: Iterable[tuple[str, int]]) -> str:
    listed = list(pairs)
    return ", ".join(f"{name} ({number})" for name, number in listed[:_SHOWN]) + _more(listed)


def _more(items: Sequence[object]) -> str:
    return f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w./~-]+", path) else "'" + path.replace("'", "''") + "'"
