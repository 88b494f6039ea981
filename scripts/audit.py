"""Check the locked packages for known vulnerabilities: exit code 1 if there is one, else 0.

    python scripts/audit.py requirements.lock locks/*.lock

If the vulnerability database cannot be reached, this is stated and the exit code is 0; pip-audit itself exits with 0
without a word or with a traceback.
"""

import json
import subprocess
import sys
from typing import Any

UNREACHABLE = ("ConnectionError", "ServiceError", "Timeout", "ProxyError", "SSLError")


def main(locks: list[str]) -> int:
    """Audit each lock file, print one line about it, and return the highest exit code."""
    return max(map(audit, locks))


def audit(lock: str) -> int:
    """Audit a lock file and return its exit code; any other failure of pip-audit is printed and counts as 1."""
    command = ["pip-audit", "--requirement", lock, "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        reason = done.stderr.strip().rpartition("\n")[2]
        if any(name in reason for name in UNREACHABLE):
            print(f"{lock}: not audited, because the vulnerability database cannot be reached: {reason}")
            return 0
        print(f"{lock}: pip-audit failed: {reason}", file=sys.stderr)
        return 1
    packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    found = [(package, entry) for package in known for entry in package["vulns"]]
    for package, entry in found:
        fix = f"fixed in {', '.join(entry['fix_versions'])}" if entry["fix_versions"] else "not fixed yet"
        print(f"{lock}: {package['name']} {package['version']}: {entry['id']}, {fix}", file=sys.stderr)
    if known:
        print(f"{lock}: {len(known)} of {len(packages)} packages audited, {len(found)} known vulnerabilities")
    else:
        print(f"{lock}: not audited, because the database knows none of its {len(packages)} packages")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
