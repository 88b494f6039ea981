"""What a terminal shows: a program on a pseudo-terminal, and an emulator of the control sequences that it may use."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

_SEQUENCE = re.compile(r"\x1b\[(\?)?(\d*(?:;\d+)*)([A-Za-z])")


class Screen:
    """The lines of a terminal that scrolls but forgets nothing; raises ValueError for a sequence it does not know."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines = [""]
        self.cursor_visible = True
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            if text[position] == "\x1b":
                match = _SEQUENCE.match(text, position)
                if not match:
                    raise ValueError(f"unknown sequence {text[position : position + 8]!r}")
                self._control(match[1] or "", match[2], match[3])
                position = match.end()
            else:
                self._put(text[position])
                position += 1

    def _control(self, private: str, numbers: str, kind: str) -> None:
        if kind == "A":
            self._row = max(0, self._row - int(numbers or 1))
        elif kind == "K" and numbers == "2":
            self.lines[self._row] = ""
        elif private and kind in "hl" and numbers == "25":
            self.cursor_visible = kind == "h"
        elif kind != "m":  # colours
            raise ValueError(f"unknown sequence {numbers!r} {kind!r}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
            return
        if character != "\n" and self._column == self.width:  # wraps
            self._column = 0
            self._put("\n")
        if character == "\n":
            self._row += 1
            if self._row == len(self.lines):
                self.lines.append("")
            return
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
        self._column += 1

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


class Terminal:
    """A Python program on a pseudo-terminal of some size."""

    def __init__(self, program: str, folder: Path, width: int = 80, height: int = 24, **environment: str) -> None:
        self.screen = Screen(width)
        self._master, slave = pty.openpty()
        self.resize(width, height)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            preexec_fn=_control_terminal,
        )
        os.close(slave)

    def resize(self, width: int, height: int) -> None:
        self.screen.width = width
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_until(self, condition: Callable[[str], bool], seconds: float = 20) -> str:
        """Read until the screen satisfies the condition; return what it shows then."""
        deadline = time.monotonic() + seconds
        while not condition(self.screen.text()):
            assert time.monotonic() < deadline, f"the screen shows:\n{self.screen.text()}"
            if not self._read():
                assert condition(self.screen.text()), f"the program ended; the screen shows:\n{self.screen.text()}"
        return self.screen.text()

    def wait(self) -> str:
        """Read until the program ends; return what the screen shows then."""
        while self._read():
            pass
        self.process.wait(60)
        return self.screen.text()

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.5)[0]:
            return True
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the other side is closed
            return False
        self.screen.feed(data.decode())
        return bool(data)


def _control_terminal() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
