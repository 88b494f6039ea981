"""A terminal that remembers what was written to it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[io.StringIO]:
    """Standard error is a terminal while the block runs."""
    with redirect_stderr(_Terminal()) as shown:
        yield shown
