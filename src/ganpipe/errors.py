"""The one exception that is meant for the eyes of the user."""

from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend: printed without a traceback, exit code 1.

    The message says what is wrong, where (file, key, value) and what to do.
    """

    @classmethod
    def listing(cls, headline: str, points: Iterable[str]) -> "UserError":
        """One error that lists several points under a headline, so that all are told at once."""
        return cls("\n".join([headline, *(f"  - {point}" for point in points)]))
