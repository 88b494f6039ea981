"""TCP ports for local web servers."""

import socket

from ganpipe.common.errors import UserError

LOCALHOST = "127.0.0.1"
"""Only programs on this machine can connect to it."""


def check_port_free(port: int, hint: str) -> None:
    """Raise UserError, ending with `hint`, when the port is invalid, in use or reserved."""
    if not 0 < port < 1 << 16:
        raise UserError(f"port {port}: not between 1 and {(1 << 16) - 1}. {hint}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError as error:
            raise UserError(f"port {port}: cannot be used ({error.strerror}). {hint}") from None
