"""Training a task's ensemble, the usual models to compare with, and the published benchmark."""

from medgru.training.run import train

__all__ = ["train"]
