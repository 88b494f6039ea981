"""Write docs/licences.md: the licence of each locked package and each data set (`make licences`).

The packages tell it themselves where they are installed.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

PAGE = Path("docs/licences.md")
LOCKS = {
    "requirements.lock": "The pipeline, its tests and checks",
    "locks/ray.lock": "Added by `make ray`",
    "locks/team.lock": "Added by `make team`",
    "locks/demo.lock": "The demo's page",
    "locks/browser.lock": "The tests of the pages",
}
INTERPRETERS = (".venv/bin/python", ".venv/demo/bin/python")
PIN = re.compile(r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)", re.MULTILINE)
READ = {
    "axe-playwright-python": "MIT",
    "cuda-toolkit": "names none: it only brings NVIDIA's libraries",
    "huey": "MIT",
    "skops": "MIT",
}
"""What the licence files of those packages say whose metadata names no licence."""
LENGTH = 100
"""Characters that are shown of a licence: some packages give all of its text for its name."""

Pin = tuple[str, str]


def main() -> None:
    """Write the page anew."""
    told = {pin: licence for python in INTERPRETERS for pin, licence in installed(python)}
    PAGE.write_text("\n".join(page(told)) + "\n", encoding="utf-8")


def installed(python: str) -> Iterator[tuple[Pin, str]]:
    """Name, version and licence of each package that an interpreter has."""
    command = ["pip-licenses", "--python", python, "--from", "mixed", "--with-system", "--format", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    for package in json.loads(done.stdout):
        name = re.sub(r"[-_.]+", "-", package["Name"]).lower()
        licence = package["License"] if package["License"] != "UNKNOWN" else READ.get(name, "UNKNOWN")
        yield (name, package["Version"]), " ".join(licence.replace("|", "/").split())[:LENGTH]


def page(told: dict[Pin, str]) -> Iterator[str]:
    """The lines of the page."""
    yield "# Licences"
    yield ""
    yield "The code of this project is under the MIT licence. What it brings stands under its own, as the packages"
    yield "themselves say. Made by `make licences`."
    yield from ("", "## Data sets", "", "| data set | licence |", "|---|---|")
    for path in sorted(Path("data").glob("*.yaml")):
        yield f"| {path.stem} | {yaml.safe_load(path.read_text(encoding='utf-8'))['licence']} |"
    for lock, title in LOCKS.items():
        pins = sorted(set(PIN.findall(Path(lock).read_text(encoding="utf-8"))))
        yield from ("", f"## {title}", "", f"`{lock}`:", "", "| package | version | licence |", "|---|---|---|")
        yield from (f"| {' | '.join(pin)} | {told[pin]} |" for pin in pins if pin in told)
        if others := [" ".join(pin) for pin in pins if pin not in told]:
            yield from ("", f"For other platforms or versions of Python, and not looked up: {', '.join(others)}.")


if __name__ == "__main__":
    main()
