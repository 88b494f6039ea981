import pytest
from pydantic import ValidationError

from ganpipe.data.settings import DatasetSettings


@pytest.mark.parametrize(
    "values",
    [
        {"source": "mnist", "size": 32, "labels": (1, 7), "per_label": 10, "resample": "lanczos", "channels": 3},
        {"source": "folder", "path": "x", "size": 64, "classes": "subfolders", "max_broken": 3, "fit": "pad"},
        {"source": "folder", "path": "x.zip", "size": 64, "classes": "dataset.json", "background": "#0a0B0c"},
        {
            "source": "folder",
            "path": "x",
            "size": 64,
            "classes": "a b.csv",
            "label_column": "breed",
            "splits": "random",
        },
        {"source": "array", "path": "x.npz"},
        {"source": "array", "path": "x.npz", "classes": "labels", "per_label": 3, "channels": 1},
        {"source": "huggingface", "path": "x", "size": 32, "classes": "labels", "image_column": "img"},
    ],
)
def test_settings_survive_writing_to_a_plan(values: dict[str, object]) -> None:
    settings = DatasetSettings.model_validate(values)
    assert DatasetSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "mnist", "labels": [1, 1]}, "twice"),
        ({"source": "mnist", "labels": []}, "at least 1"),
        ({"source": "mnist", "max_broken": 3}, "max_broken: only for source: folder or array or huggingface"),
        ({"source": "mnist", "classes": "subfolders"}, "classes: only for source: folder"),
        ({"source": "mnist", "fit": "pad", "background": "black"}, "fit, background: only for source: folder"),
        ({"source": "folder", "size": 64}, "path: not set"),
        ({"source": "array"}, "path: not set"),
        ({"source": "folder", "path": "x"}, "size: not set"),
        ({"source": "huggingface", "path": "x"}, "size: not set"),
        ({"source": "folder", "path": "x", "size": 64, "per_label": 3}, "need classes"),
        ({"source": "folder", "path": "x", "size": 64, "labels": [0]}, "need classes"),
        ({"source": "folder", "path": "x", "size": 64, "classes": "labels"}, "classes: must be none, subfolders, or a"),
        ({"source": "array", "path": "x", "classes": "subfolders"}, "classes: must be none or labels"),
        ({"source": "huggingface", "path": "x", "size": 9, "classes": "x.csv"}, "classes: must be none or labels"),
        ({"source": "folder", "path": "x", "size": 64, "classes": "../x.csv"}, "pattern"),
        ({"source": "folder", "path": "x", "size": 64, "classes": "classes"}, "pattern"),
        ({"source": "folder", "path": "x", "size": 64, "label_column": "y"}, "only for tables"),
        ({"source": "folder", "path": "x", "size": 64, "background": "octarine"}, "pattern"),
        ({"source": "mnist", "channels": 2}, "'auto', 1 or 3"),
        ({"source": "mnist", "resample": "antialias"}, "lanczos"),
        ({"source": "../mnist"}, "pattern"),
        ({"source": "mnist", "sise": 28}, "Extra inputs"),
    ],
)
def test_invalid_settings_are_rejected(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DatasetSettings.model_validate(values)
