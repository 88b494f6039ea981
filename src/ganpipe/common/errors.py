"""The exception for errors that the user can fix, and the detection of a full disk."""

import errno
from collections.abc import Iterable


class UserError(Exception):
    """An error that the user can fix: printed without a traceback, exit code 1.

    The message states where the error is (file, key, value), what is wrong and what to do.
    """

    @classmethod
    def listing(cls, headline: str, points: Iterable[str]) -> "UserError":
        """Return one error that reports several problems as a list below a headline."""
        return cls("\n".join([headline, *(f"  - {point}" for point in points)]))


def is_full_disk(error: BaseException) -> bool:
    """Return whether a write failed for lack of space: full disk, exceeded quota or file size limit."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
