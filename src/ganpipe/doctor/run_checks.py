"""`ganpipe doctor`: all checks in parallel, because most of them wait for something, and their findings as a table."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import ganpipe
from ganpipe.common import checkout
from ganpipe.common.errors import UserError
from ganpipe.common.progress import progress_bar
from ganpipe.common.text_table import text_table
from ganpipe.doctor.finding import Finding
from ganpipe.doctor.machine import check_machine
from ganpipe.doctor.packages import check_environment, check_packages
from ganpipe.doctor.sources import check_sources, check_weights
from ganpipe.doctor.state import check_dvc, check_git, check_mlflow
from ganpipe.plan import layout
from ganpipe.plan.build import make_plan
from ganpipe.plan.resolve import parse_params, read_params

_LOCK, _PROJECT = Path("requirements.lock"), Path("pyproject.toml")


@dataclass(frozen=True)
class DoctorReport:
    """All findings in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def stops(self) -> bool:
        """Whether `make repro` would fail."""
        return any(finding.state == "STOP" for finding in self.findings)

    def __str__(self) -> str:
        rows = [("check", "state", "finding")]
        for finding in self.findings:
            rows.append((finding.topic, finding.state, finding.message))
            rows += [("", "", f"-> {finding.fix}")] if finding.fix else []
        return text_table(rows)


def run_checks() -> DoctorReport:
    """Run every check on this checkout. Raises UserError if there is no params.yaml."""
    sections, _ = parse_params(read_params(layout.PARAMS))
    checks: list[Callable[[], Finding | Iterable[Finding]]] = [
        _check_settings,
        lambda: check_environment(checkout.root(), Path(ganpipe.__file__), Path(sys.executable).parent),
        lambda: check_packages(_LOCK, _PROJECT),
        check_git,
        lambda: check_dvc(layout.LOCK),
        lambda: check_mlflow(checkout.root()),
    ]
    if sections is not None:
        known = sections
        checks += [
            lambda: check_sources(known),
            lambda: check_weights(known.evaluate.inception),
            lambda: check_machine(known.compute, checkout.root()),
        ]
    found: list[Finding] = []
    with ThreadPoolExecutor(len(checks)) as pool, progress_bar("doctor", len(checks), " checks") as bar:
        for findings in pool.map(_findings, checks):
            found += findings
            bar.update()
    return DoctorReport(tuple(found))


def _findings(check: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    found = check()
    return [found] if isinstance(found, Finding) else list(found)


def _check_settings() -> Finding:
    try:
        plan = make_plan(layout.PARAMS, layout.PINS)
    except UserError as error:
        headline, *problems = str(error).splitlines()
        message = problems[0].removeprefix("  - ") if problems else headline
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        fix = f"edit {layout.PARAMS}; `ganpipe plan` lists all problems"
        return Finding("settings", "STOP", f"{message}{more}", fix)
    return Finding("settings", "ok", f"{layout.PARAMS} describes {len(plan.runs)} runs")
