"""The one exception for what a user can mend."""


class UserError(Exception):
    """A mistake in the input or the surroundings, told in one sentence: what, where, what to do.

    Scripts print the sentence without a traceback and exit with a non-zero status.
    """


def in_one_line(error: BaseException) -> str:
    """Somebody else's exception as a part of a sentence."""
    return f"{' '.join(str(error).split())[:400]} ({type(error).__name__})"
