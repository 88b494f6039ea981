"""Schemas of the plan files that stages read. They are validated when read, since users may have edited them."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from ganpipe.common.errors import UserError
from ganpipe.common.types import Seed
from ganpipe.config import Compute, ExperimentName, Name, SampleSettings, SelectSettings, Training
from ganpipe.data.settings import PreparationSettings
from ganpipe.metrics.settings import EvaluateSettings, JudgeSettings

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""A digest. It becomes a folder name, so the pattern also rules out path traversal."""


class RunSampling(SampleSettings):
    """How a run is sampled. selection: how its generator is selected; None for `keep: last`."""

    selection: EvaluateSettings | None = None


class RunPlan(BaseModel):
    """`plan/runs/<run>.yaml`."""

    run: ExperimentName
    experiment: ExperimentName
    seed: Seed
    document: str
    title: str
    train: Training
    compute: Compute
    sample: RunSampling
    evaluate: EvaluateSettings
    code: Annotated[dict[str, Key], Field(min_length=3)]
    packages: dict[str, str]


class DatasetPlan(BaseModel):
    """`plan/datasets/<dataset>.yaml`."""

    dataset: Name
    fetch: dict[str, str]
    prepare: PreparationSettings
    decoders: dict[str, str]
    judge: JudgeSettings
    evaluate: EvaluateSettings
    sample: SampleSettings
    code: Annotated[dict[str, Key], Field(min_length=4)]
    packages: dict[str, str]


class ReportPlan(BaseModel):
    """`plan/report.yaml`."""

    select: SelectSettings
    code: Annotated[dict[str, Key], Field(min_length=4)]


class DataIdentity(BaseModel):
    """A dataset and the fingerprint of its content."""

    dataset: Name
    fingerprint: str


class RunInputs(BaseModel):
    """`inputs/<run>.yaml`: the data of a run, and the key under which its checkpoint and records are stored."""

    data: DataIdentity
    key: Key


def read_plan_file(path: Path, kind: str, schema: type[BaseModel]) -> dict[str, Any]:
    """Read and validate a plan file, and return its content as plain values.

    kind: what the file describes, for the error message. Raises UserError if the file is missing or invalid.
    """
    try:
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        schema.model_validate(content)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. If {path.stem} is {kind}, run `dvc repro` to write it.") from None
    except ValidationError as error:
        points = (f"{'.'.join(map(str, point['loc'])) or 'all'}: {point['msg']}" for point in error.errors())
        raise UserError.listing(f"{path}: invalid content. Remove the file and run `dvc repro`.", points) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: invalid content ({error}). Remove the file and run `dvc repro`.") from None
    return content
