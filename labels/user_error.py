"""The base of errors that are the user's to mend."""


class UserError(ValueError):
    """Something given that cannot be used; the message is one line: what, where, how to mend it.

    The command line prints the message alone. Any other error is a fault of ours and shows its traceback.
    """


def one_line(message: str) -> str:
    """A message with escapes in the place of line breaks and what else cannot be shown, as names of files may hold."""
    shown = (
        char if char.isprintable() or char == "\u3000" else char.encode("unicode_escape").decode() for char in message
    )
    return "".join(shown)
