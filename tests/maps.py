"""What every map of a cleaning has to hold."""

import numpy as np

from bangfu.inference.cleaning import Cleaned


def assert_exact(clear: Cleaned, raw: str) -> None:
    """Each clean character has a place of its own in the raw text, in order."""
    assert len(clear.text) == len(clear.starts) == len(clear.ends)
    assert (np.diff(clear.starts) > 0).all() and (clear.starts < clear.ends).all()
    assert (clear.ends[:-1] <= clear.starts[1:]).all() and (clear.ends <= len(raw)).all()
    clear.text.encode("utf-8")
