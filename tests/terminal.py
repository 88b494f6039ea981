"""A fake terminal that keeps what is written to it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[io.StringIO]:
    """Replace standard error with a terminal inside a block, and yield its content."""
    with redirect_stderr(_Terminal()) as content:
        yield content
