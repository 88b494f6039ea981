"""Ask whether a locked package has a known vulnerability: 1 if so, 0 if not or if nobody can be asked here.

    python scripts/audit.py requirements.lock locks/*.lock

pip-audit alone would not do: where its data cannot be reached it ends with 0, or in a traceback.
"""

import json
import subprocess
import sys
from typing import Any

UNREACHABLE = ("ConnectionError", "ServiceError", "Timeout", "ProxyError", "SSLError")


def main(locks: list[str]) -> int:
    """Audit each lock file and say in a line what came of it."""
    return max(map(audit, locks))


def audit(lock: str) -> int:
    """0 or 1, as told above; any other trouble of pip-audit is told as it is, and counts as 1."""
    command = ["pip-audit", "--requirement", lock, "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        reason = done.stderr.strip().rpartition("\n")[2]
        if any(name in reason for name in UNREACHABLE):
            print(f"{lock}: not audited, since the data of vulnerabilities cannot be reached: {reason}")
            return 0
        print(f"{lock}: pip-audit failed: {reason}", file=sys.stderr)
        return 1
    packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    found = [(package, entry) for package in known for entry in package["vulns"]]
    for package, entry in found:
        cure = f"mended in {', '.join(entry['fix_versions'])}" if entry["fix_versions"] else "not mended yet"
        print(f"{lock}: {package['name']} {package['version']}: {entry['id']}, {cure}", file=sys.stderr)
    if known:
        print(f"{lock}: {len(known)} of {len(packages)} packages audited, {len(found)} known vulnerabilities")
    else:
        print(f"{lock}: not audited, since nothing is known here of any of its {len(packages)} packages")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
