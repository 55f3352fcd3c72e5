"""The one exception for what a user can mend."""


class UserError(Exception):
    """A mistake in the input or the surroundings, told in one sentence: what, where, what to do.

    Scripts print the sentence without a traceback and exit with a non-zero status.
    """
