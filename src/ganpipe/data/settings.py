"""Settings of one dataset."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ganpipe.common.types import Count, Natural, Seed

FOLDER, ARRAY, HUGGINGFACE = "folder", "array", "huggingface"
OWN_SOURCES = (FOLDER, ARRAY, HUGGINGFACE)
"""The values of `source` for a user's own images; every other source is a pin."""

Fit = Literal["crop", "pad"]
Resample = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
Channels = Literal["auto", 1, 3]

_OWN_ONLY = ("classes", "image_column", "label_column", "splits", "max_broken", "heldout_fraction", "fit", "background")
_CLASSES = {
    FOLDER: "none, subfolders, or a file name such as metadata.csv or dataset.json",
    ARRAY: "none or labels",
    HUGGINGFACE: "none or labels",
}


class DatasetSettings(BaseModel):
    """One entry of `datasets`: where the images come from and how they are prepared.

    source: name of a pin in `data/`, or for your own images "folder", "array" or "huggingface".
    path: of your own images: "folder": a folder or a .zip or .tar archive of one; "array": a .npy or .npz file, or a
    folder of .npy files; "huggingface": a dataset saved with `save_to_disk`, or a folder of parquet files. For a pin: a
    folder that is searched first for the raw files.
    size: width and height in pixels after resizing; None keeps the original size (not for images of several sizes).
    resample: filter for resizing. All but "nearest" antialias.
    channels: 1 converts to grey, 3 to colour; "auto" uses 1 if all images are grey.
    labels: numbers of the classes to keep, renumbered 0, 1, ... in this order; None keeps all.
    per_label: maximal number of training images of each class, drawn with `seed`; held-out images are not limited.

    For your own images only:
    fit: how images become square: "crop" keeps the central square, "pad" adds borders of the colour `background`.
    background: colour behind transparent pixels and of borders: white, black, grey or "#rrggbb".
    classes: "none": no labels; "subfolders": every subfolder is a class; "labels": those of an array or a Hugging Face
    dataset; or the name of a table in the folder: .csv, .tsv or .jsonl with a column of file names and one of labels,
    or StyleGAN's dataset.json.
    image_column, label_column: columns of the table or the Hugging Face dataset; None finds them by common names.
    splits: "auto" uses the splits of the data (folders named train, test, val and so on; arrays, a column or tables of
    such a name): all but train are held out. Without such splits, or with "random", images are drawn with `seed`.
    heldout_fraction: share of each class that is held out from training when splits are drawn.
    max_broken: number of unreadable images and links without target that are skipped and named before it is an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    path: str | None = None
    size: Annotated[int, Field(ge=8, le=1024)] | None = None
    resample: Resample = "bilinear"
    channels: Channels = "auto"
    labels: Annotated[tuple[Natural, ...], Field(min_length=1)] | None = None
    per_label: Count | None = None
    fit: Fit = "crop"
    background: Annotated[str, Field(pattern=r"^(white|black|grey|#[0-9a-fA-F]{6})$")] = "white"
    classes: Annotated[str, Field(pattern=r"^(none|subfolders|labels|[^/\\]+\.(csv|tsv|jsonl|json))$")] = "none"
    image_column: str | None = None
    label_column: str | None = None
    splits: Literal["auto", "random"] = "auto"
    max_broken: Natural = 10
    heldout_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    seed: Seed = 0

    @property
    def labels_are_in_a_table(self) -> bool:
        """Whether `classes` is the name of a table file."""
        return self.classes not in ("none", "subfolders", "labels")

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: {list(self.labels)} contains a class twice; list each class once")
        if self.source not in OWN_SOURCES:
            changed = [name for name in _OWN_ONLY if getattr(self, name) != type(self).model_fields[name].default]
            if changed:
                raise ValueError(f"{', '.join(changed)}: only for source: {' or '.join(OWN_SOURCES)}; remove it")
            return self
        if self.path is None:
            raise ValueError(f"path: not set; source: {self.source} needs the path of the images")
        if self.size is None and self.source != ARRAY:
            raise ValueError("size: not set; images must be resized to one size, such as 64")
        if self.classes != "none" and (self.classes == "labels") == (self.source == FOLDER):
            raise ValueError(f"classes: must be {_CLASSES[self.source]} for source: {self.source}")
        if (self.image_column or self.label_column) and not (self.labels_are_in_a_table or self.source == HUGGINGFACE):
            raise ValueError("image_column, label_column: only for tables and source: huggingface; remove them")
        if self.classes == "none" and (self.labels is not None or self.per_label is not None):
            raise ValueError("labels and per_label need classes; set classes (such as subfolders), or remove them")
        return self


class PreparationSettings(DatasetSettings):
    """What the stages `fetch` and `prepare` of a dataset read.

    stacked: stack three images that are drawn at random as the red, green and blue channel of one image, as in Stacked
    MNIST (see `ganpipe.data.stacked`). Only for pins with grey images and classes.
    """

    stacked: bool = False

    @property
    def unstacked(self) -> DatasetSettings:
        """Settings of the images before they are stacked."""
        return DatasetSettings(**self.model_dump(include=set(DatasetSettings.model_fields)))

    @model_validator(mode="after")
    def _check_stacked(self) -> Self:
        if self.stacked and self.source in OWN_SOURCES:
            raise ValueError("stacked: only for published datasets; remove it")
        if self.stacked and self.channels == 3:
            raise ValueError("channels: 3, but stacked images are made of grey ones; remove it")
        return self
