"""The exception for anything that the user can fix."""

from __future__ import annotations


class UserError(Exception):
    """A problem with the input or the environment, described in one sentence: what, where, and what to do.

    Scripts print the message without a traceback and exit with a non-zero status.
    """


def in_one_line(error: BaseException) -> str:
    """Format an exception from another library as part of a sentence."""
    return f"{' '.join(str(error).split())[:400]} ({type(error).__name__})"
