"""Program that downloads files of a torchvision data set into the current folder.

    python -m ganpipe.data.download <torchvision data set> <timeout in seconds> <file> [<file> ...]

torchvision knows the mirrors, but its own download knows no timeout and always begins anew; this one goes on
where an earlier one stopped. It is a process of its own, so that it can be ended at any point.
"""

import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from ganpipe.process import die_with_parent

_BLOCK = 1 << 16


def mirrors(dataset: str) -> list[str]:
    """Addresses of the folders that hold the files of a torchvision data set, each ending in a slash."""
    import torchvision.datasets

    known = getattr(torchvision.datasets, dataset)
    # A data set in one archive has a url. EMNIST has one, and besides inherits the mirrors of MNIST.
    if hasattr(known, "url"):
        return [known.url.rsplit("/", 1)[0] + "/"]
    return list(known.mirrors)


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
    addresses = mirrors(dataset)
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
