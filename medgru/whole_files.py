"""Files that appear whole or not at all: written beside their place, on disk before they take it.

On a full disk, or when the process dies while writing, the older file stays. Several processes may write the same one:
the last wins. They are for their owner alone, as they may hold what is of patients.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of that name once the block ends without an error.

    Raises:
        OSError: It could not be written; an older file of that name is still there, and nothing beside it.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}-", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def write_whole(path: Path, content: bytes) -> None:
    """Write all of a file.

    Raises:
        OSError: It could not be written; an older file of that name is still there.
    """
    with replacing(path) as file:
        file.write(content)
