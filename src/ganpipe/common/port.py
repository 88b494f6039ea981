"""Addresses of local web servers: ports, what to print, and the proxies to bypass."""

import errno
import os
import socket
import sys
from ipaddress import ip_address

from ganpipe.common.errors import UserError

LOCALHOST = "127.0.0.1"
"""Only programs on this machine can connect to it."""

_ALL_INTERFACES = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound by default


def check_port_free(port: int, hint: str, host: str = LOCALHOST) -> None:
    """Raise UserError if the port is invalid, in use or reserved, ending with `hint`, or if the host is not ours."""
    if not 0 < port < 1 << 16:
        raise UserError(f"port {port}: not between 1 and {(1 << 16) - 1}. {hint}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise UserError(
                f"host {host}: not an address of this machine ({error.strerror}). Use {LOCALHOST}, or 0.0.0.0 for all."
            ) from None
        raise UserError(f"port {port}: cannot be used ({error.strerror}). {hint}") from None


def server_address(host: str, port: int, path: str = "") -> str:
    """Return the URL of a page of a server that listens on `host`."""
    name = socket.gethostname() if host in _ALL_INTERFACES else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{path}"


def print_server_address(host: str, port: int, path: str = "") -> None:
    """Print the URL of a server and how to open it from another machine; warn if other machines can connect."""
    print(f"{server_address(host, port, path)}  (Ctrl-C ends it)")
    if _is_loopback(host):
        target = f"[{host}]" if ":" in host else host
        print(
            f"From another machine: run `ssh -L {port}:{target}:{port} {socket.gethostname()}` there, then open this "
            "address. In a container: publish the port and listen on all interfaces (--host 0.0.0.0, or make with "
            "HOST=0.0.0.0)."
        )
    else:
        print(
            f"warning: --host {host}: every machine that can reach this one can use the page, without a password. "
            "Without --host only this machine can.",
            file=sys.stderr,
        )
    sys.stdout.flush()


def bypass_proxies(host: str) -> None:
    """Exclude local addresses and `host` from the proxies set in the environment of this process and its children."""
    names = ("no_proxy", "NO_PROXY")
    known = [entry.strip() for name in names for entry in os.environ.get(name, "").split(",")]
    hosts = [*filter(None, known), "localhost", "127.0.0.1", "::1", host]
    excluded = "*" if "*" in hosts else ",".join(dict.fromkeys(hosts))  # urllib understands a `*` only alone
    os.environ.update(dict.fromkeys(names, excluded))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
