"""Settings of one dataset."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ganpipe.common.types import Count, Natural, Seed

FOLDER = "folder"  # the `source` of a user's own images
_FOLDER_ONLY = ("classes", "max_broken", "heldout_fraction")


class DatasetSettings(BaseModel):
    """One entry of `datasets`: where the images come from and how they are prepared.

    source: name of a pin in `data/`, or "folder" for your own images.
    path: with "folder", the folder of images; otherwise a folder that is searched first for the raw files.
    size: width and height in pixels after resizing (bilinear, antialiased); None keeps the original size.
    labels: numbers of the classes to keep, renumbered 0, 1, ... in this order; None keeps all.
    per_label: maximal number of training images of each class, drawn with `seed`; held-out images are not limited.
    For "folder" only:
    classes: "subfolders" makes every subfolder a class; "none" uses the images of all subfolders without labels.
    max_broken: number of unreadable images that are skipped and named before it is an error.
    heldout_fraction: share of the images that are held out from training, drawn with `seed`.
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
    seed: Seed = 0

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: {list(self.labels)} contains a class twice; list each class once")
        if self.source != FOLDER:
            changed = [name for name in _FOLDER_ONLY if getattr(self, name) != type(self).model_fields[name].default]
            if changed:
                raise ValueError(f"{', '.join(changed)}: only for source: folder; remove it")
            return self
        if self.path is None:
            raise ValueError("path: not set; source: folder needs the folder that contains the images")
        if self.size is None:
            raise ValueError("size: not set; images of a folder must be resized to one size, such as 64")
        if self.classes == "none" and (self.labels is not None or self.per_label is not None):
            raise ValueError("labels and per_label need classes: subfolders; without classes remove them")
        return self
