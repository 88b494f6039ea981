import pytest
from pydantic import ValidationError

from ganpipe.data.settings import DatasetSettings


def test_settings_survive_writing_to_a_plan() -> None:
    for settings in (
        DatasetSettings(source="mnist", size=32, labels=(1, 7), per_label=10),
        DatasetSettings(source="folder", path="x", size=64, classes="subfolders", max_broken=3, heldout_fraction=0.2),
    ):
        assert DatasetSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "mnist", "labels": [1, 1]}, "twice"),
        ({"source": "mnist", "labels": []}, "at least 1"),
        ({"source": "mnist", "max_broken": 3}, "max_broken: only for source: folder"),
        ({"source": "mnist", "classes": "subfolders"}, "classes: only for source: folder"),
        ({"source": "folder", "size": 64}, "path: not set"),
        ({"source": "folder", "path": "x"}, "size: not set"),
        ({"source": "folder", "path": "x", "size": 64, "per_label": 3}, "need classes: subfolders"),
        ({"source": "folder", "path": "x", "size": 64, "labels": [0]}, "need classes: subfolders"),
        ({"source": "../mnist"}, "pattern"),
        ({"source": "mnist", "sise": 28}, "Extra inputs"),
    ],
)
def test_invalid_settings_are_rejected(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DatasetSettings.model_validate(values)
