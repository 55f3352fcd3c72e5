"""The exception for anything that the user can fix."""

from __future__ import annotations

import os


class UserError(Exception):
    """A problem with the input or the environment, described in one sentence: what, where, and what to do.

    Scripts print the message without a traceback and exit with a non-zero status.
    """


def in_one_line(error: BaseException) -> str:
    """Format an exception from another library as part of a sentence."""
    whole = " ".join(str(error).split())
    home = os.path.expanduser(os.environ.get("HF_HOME", "~/.cache/huggingface"))
    advice = "; set HF_HOME to a folder that you can write to" if isinstance(error, OSError) and home in whole else ""
    return f"{whole[:400]} ({type(error).__name__}{advice})"
