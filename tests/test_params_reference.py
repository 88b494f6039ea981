"""params.yaml documents every setting: those that are set, and the others as comments with their default."""

import re
from collections.abc import Mapping

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from ganpipe.config import (
    Budget,
    Compute,
    Grid,
    RaceSettings,
    SampleSettings,
    SearchSettings,
    SelectSettings,
    TrainSettings,
)
from ganpipe.metrics.settings import EvaluateSettings
from tests.conftest import REPOSITORY

SECTIONS: Mapping[str, type[BaseModel]] = {
    "grid": Grid,
    "budget": Budget,
    "compute": Compute,
    "train": TrainSettings,
    "sample": SampleSettings,
    "evaluate": EvaluateSettings,
    "select": SelectSettings,
    "race": RaceSettings,
    "search": SearchSettings,
}
INTERNAL = {("evaluate", "inception_sha256")}
"""Settings that only a maintainer changes."""
COMMENTED = re.compile(r"^  # (\w+): (.*?) +#", re.MULTILINE)


def section_text(name: str) -> str:
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:.*?(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, name
    return found.group()


@pytest.mark.parametrize("name", SECTIONS)
def test_every_setting_of_a_section_is_set_or_shown_with_its_default(name: str) -> None:
    fields = SECTIONS[name].model_fields
    set_here = yaml.safe_load(section_text(name))[name]
    shown = dict(COMMENTED.findall(section_text(name)))
    assert set_here.keys() | shown.keys() == {field for field in fields if (name, field) not in INTERNAL}
    for setting, default in shown.items():
        field = fields[setting]
        value = TypeAdapter(field.rebuild_annotation()).validate_python(yaml.safe_load(default))
        assert value == field.get_default(call_default_factory=True), setting
