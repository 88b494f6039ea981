"""Ports of this machine."""

import socket

from ganpipe.common.errors import UserError

HERE = "127.0.0.1"
"""The address that only this machine can reach."""


def check_free(port: int, cure: str) -> None:
    """Raise UserError with the cure when the port is taken, or is none that a program may listen on."""
    if not 0 < port < 1 << 16:
        raise UserError(f"port {port}: a port is a number from 1 to {(1 << 16) - 1}: {cure}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HERE, port))
        except OSError as error:
            raise UserError(f"port {port} is taken or not to be had ({error.strerror}): {cure}") from None
