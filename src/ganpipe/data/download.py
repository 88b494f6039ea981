"""Program that downloads files of a torchvision data set into the current folder.

    python -m ganpipe.data.download <torchvision data set> <timeout in seconds> <file> [<file> ...]

torchvision knows the mirrors, but its own download knows no timeout and always begins anew; this one goes on
where an earlier one stopped. It is a process of its own, so that it can be ended at any point.
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
    """Addresses of the folders that hold the files of a torchvision data set, each ending in a slash.

    Read from torchvision's source: to import it, and PyTorch with it, takes longer than many a download. Raises
    LookupError when it tells none.
    """
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise LookupError("torchvision is not installed")
    for file in sorted(Path(spec.origin).parent.glob("datasets/*.py")):
        source = file.read_text(encoding="utf-8")
        if f"class {dataset}(" in source:
            known = _constants(ast.parse(source), dataset)
            if "url" in known:  # it is one archive
                return [known["url"].rsplit("/", 1)[0] + "/"]
            if "mirrors" in known:
                return list(known["mirrors"])
    raise LookupError(f"torchvision tells no address of {dataset}")


def _constants(module: ast.Module, name: str) -> dict[str, Any]:
    """The constants in the body of a class."""
    (body,) = (node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == name)
    constants = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            with suppress(ValueError):  # it is computed
                constants[statement.targets[0].id] = ast.literal_eval(statement.value)
    return constants


def download(address: str, target: Path, timeout: float) -> None:
    """Download one http(s) address into a file, going on with `<target>.part` where there is one.

    timeout: seconds to connect, and between two blocks. Raises OSError or HTTPException.
    """
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "ganpipe"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 (addresses come from torchvision)
    try:
        response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        part.rename(target)  # nothing was left to ask for; whether it is right, the checksum says
        return
    with response, part.open("ab" if response.status == HTTPStatus.PARTIAL_CONTENT else "wb") as handle:
        left = response.length
        while block := response.read1(_BLOCK):
            handle.write(block)
            left = None if left is None else left - len(block)
    if left:
        raise OSError(f"the connection ended {left} bytes early")
    part.rename(target)


def main(dataset: str, timeout: float, names: list[str]) -> None:
    """Download each file from the first mirror that gives it; exit with the reasons when none does."""
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
