"""What a user can say about one data set."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ganpipe.common.types import Count, Natural

FOLDER = "folder"  # the `source` that means: the user's own pictures
_FOLDER_ONLY = ("classes", "max_broken", "heldout_fraction")


class DatasetSettings(BaseModel):
    """One entry of `datasets`: where the images come from and what is done to them.

    source: name of a pin in `data/`, or "folder" for pictures of the user's own.
    path: with "folder", the folder of pictures; otherwise a folder tried first for the raw files.
    size: width and height in pixels after resizing (bilinear, antialiased); None keeps the native size.
    labels: the classes to keep, by number, which are then numbered anew in this order; None keeps all.
    per_label: at most this many training images of each class, drawn with `seed`; the held-out ones stay.
    The rest is for "folder" only:
    classes: "subfolders" makes every subfolder a class, "none" looks into all of them and keeps no labels.
    max_broken: how many unreadable pictures are named and skipped before it is an error.
    heldout_fraction: share of the pictures kept from training, drawn with `seed`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    path: str | None = None
    size: Annotated[int, Field(ge=8, le=1024)] | None = None
    labels: Annotated[tuple[Natural, ...], Field(min_length=1)] | None = None
    per_label: Count | None = None
    classes: Literal["subfolders", "none"] = "none"
    max_broken: Natural = 10
    heldout_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    seed: Natural = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: {list(self.labels)} names a class twice; name each once")
        if self.source != FOLDER:
            changed = [name for name in _FOLDER_ONLY if getattr(self, name) != type(self).model_fields[name].default]
            if changed:
                raise ValueError(f"{', '.join(changed)}: only for source: folder; take it out")
            return self
        if self.path is None:
            raise ValueError("path: missing; source: folder needs the folder that holds the pictures")
        if self.size is None:
            raise ValueError("size: missing; pictures from a folder need the size to bring them to, such as 64")
        if self.classes == "none" and (self.labels is not None or self.per_label is not None):
            raise ValueError("labels and per_label need classes: subfolders; without classes take them out")
        return self
