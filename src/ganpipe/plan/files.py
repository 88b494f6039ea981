"""The files that the stages find their orders in, and what must stand there: they may have been edited by hand."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from ganpipe.common.errors import UserError
from ganpipe.common.types import Natural
from ganpipe.config import Compute, Name, SampleSettings, SelectSettings, Training
from ganpipe.data.settings import DatasetSettings
from ganpipe.metrics.settings import EvaluateSettings, JudgeSettings

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""A digest; it becomes the name of a folder, so it can be nothing that leads elsewhere."""


class RunPlan(BaseModel):
    """`plan/runs/<run>.yaml`."""

    run: Name
    experiment: Name
    seed: Natural
    document: str
    title: str
    train: Training
    compute: Compute
    sample: SampleSettings
    evaluate: EvaluateSettings
    code: dict[str, str]
    packages: dict[str, str]


class DatasetPlan(BaseModel):
    """`plan/datasets/<dataset>.yaml`."""

    dataset: Name
    fetch: dict[str, str]
    prepare: DatasetSettings
    judge: JudgeSettings
    evaluate: EvaluateSettings
    sample: SampleSettings
    code: dict[str, str]
    packages: dict[str, str]


class ReportPlan(BaseModel):
    """`plan/report.yaml`."""

    select: SelectSettings
    code: dict[str, str]


class DataIdentity(BaseModel):
    """A dataset and the digest of its content."""

    dataset: Name
    fingerprint: str


class RunInputs(BaseModel):
    """`inputs/<run>.yaml`: the data of a run, and the key of all that the run leaves."""

    data: DataIdentity
    key: Key


def read_planfile(path: Path, kind: str, form: type[BaseModel]) -> dict[str, Any]:
    """The content of a file of the given form, as plain values.

    kind: what the file describes. Raises UserError when it is not there, or holds something else.
    """
    try:
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        form.model_validate(content)
    except FileNotFoundError:
        raise UserError(f"{path} is not there: {path.stem} is not {kind}, or `dvc repro` has not run yet") from None
    except ValidationError as error:
        points = (f"{'.'.join(map(str, point['loc'])) or 'all'}: {point['msg']}" for point in error.errors())
        raise UserError.listing(f"{path} is damaged: remove it and run `dvc repro`", points) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}): remove it and run `dvc repro`") from None
    return content
