"""The base of errors that are the user's to mend."""


class UserError(ValueError):
    """Something given that cannot be used; the message is one line: what, where, how to mend it.

    The command line prints the message alone. Any other error is a fault of ours and shows its traceback.
    """
