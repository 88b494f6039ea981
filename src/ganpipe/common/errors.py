"""The one exception that is meant for the eyes of the user, and the system's errors that the user can mend."""

import errno
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend: printed without a traceback, exit code 1.

    The message says what is wrong, where (file, key, value) and what to do.
    """

    @classmethod
    def listing(cls, headline: str, points: Iterable[str]) -> "UserError":
        """One error that lists several points under a headline, so that all are told at once."""
        return cls("\n".join([headline, *(f"  - {point}" for point in points)]))


def is_full_disk(error: BaseException) -> bool:
    """Whether the system had no room to write: a full disk, a spent quota, a limit on the size of files."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
