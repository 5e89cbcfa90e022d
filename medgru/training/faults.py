"""What a machine can run short of, told in a sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from medgru.errors import TrainingError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS = tuple(f"(os error {number})" for number in _FULL)


@contextmanager
def told_in_words() -> Iterator[None]:
    """Turn a full disk and a lack of memory into a `TrainingError`; everything else passes.

    Raises:
        TrainingError: The disk is full, or memory was asked for that there is not.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors has an error of its own, with the number in its text.
        if getattr(error, "errno", None) not in _FULL and not str(error).endswith(_FULL_WORDS):
            raise
        raise TrainingError(
            "There is no space left on the disk. The last checkpoint is kept as it was: free some space, then "
            "resume the run."
        ) from None
    except (MemoryError, RuntimeError) as error:
        # torch tells of a lack of memory by a RuntimeError of its own.
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        raise TrainingError(
            "There is not enough memory for this run. Lower the batch size or the hidden size, bring fewer stays or a "
            "shorter window, or close other programs; then resume the run or start a new one."
        ) from None
