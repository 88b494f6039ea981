"""Program that downloads files of a torchvision dataset into the current folder.

    python -m ganpipe.data.download <torchvision dataset> <timeout in seconds> <file> [<file> ...]

torchvision lists the mirrors, but its own download function has no timeout and always starts from the beginning. This
program resumes an interrupted download. It runs as a separate process, so that it can be killed at any point.
"""

import ast
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganpipe.common.process import die_with_parent

_BLOCK = 1 << 16


def mirrors(dataset: str) -> list[str]:
    """Return the addresses of the folders that contain the files of a torchvision dataset, each ending in a slash.

    They are read from torchvision's source code, because importing torchvision and PyTorch takes longer than many
    downloads. Raises LookupError if torchvision is not installed or states no address.
    """
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise LookupError("torchvision is not installed")
    for file in sorted(Path(spec.origin).parent.glob("datasets/*.py")):
        source = file.read_text(encoding="utf-8")
        if f"class {dataset}(" in source:
            constants = _class_constants(ast.parse(source), dataset)
            if "url" in constants:  # a single archive
                return [constants["url"].rsplit("/", 1)[0] + "/"]
            if "mirrors" in constants:
                return list(constants["mirrors"])
    raise LookupError(f"torchvision states no address for {dataset}")


def _class_constants(module: ast.Module, name: str) -> dict[str, Any]:
    (body,) = (node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == name)
    constants = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            with suppress(ValueError):  # not a literal
                constants[statement.targets[0].id] = ast.literal_eval(statement.value)
    return constants


def download(address: str, target: Path, timeout: float) -> None:
    """Download an http(s) address to a file, resuming `<target>.part` if it exists.

    timeout: seconds to connect, and between two blocks. Raises OSError or HTTPException.
    """
    part = target.with_name(target.name + ".part")
    received = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "ganpipe"} | ({"Range": f"bytes={received}-"} if received else {})
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 (addresses come from torchvision)
    try:
        response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        part.rename(target)  # the part is already complete; the caller verifies its checksum
        return
    with response, part.open("ab" if response.status == HTTPStatus.PARTIAL_CONTENT else "wb") as handle:
        remaining = response.length
        while block := response.read1(_BLOCK):
            handle.write(block)
            remaining = None if remaining is None else remaining - len(block)
    if remaining:
        raise OSError(f"the connection ended {remaining} bytes early")
    part.rename(target)


def main(dataset: str, timeout: float, names: list[str]) -> None:
    """Download each file from the first mirror that works; exit with the reasons if none does."""
    die_with_parent()
    try:
        addresses = mirrors(dataset)
    except LookupError as error:
        sys.exit(str(error))
    for name in names:
        target = Path(name)
        failures = []
        for address in addresses if not target.exists() else []:
            try:
                download(address + name, target, timeout)
                break
            except (OSError, HTTPException) as error:
                failures.append(f"{address}{name}: {getattr(error, 'reason', error)}")
                print(failures[-1], file=sys.stderr, flush=True)
        else:
            if not target.exists():
                sys.exit("; ".join(failures))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
