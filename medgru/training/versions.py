"""What a run was made with."""

import platform

import numpy as np
import torch

from medgru import __version__


def versions() -> dict[str, str]:
    """Versions of what can change a result, by name."""
    return {
        "medgru": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
