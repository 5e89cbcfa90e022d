"""Errors meant for the person at the screen.

    MedGRUError
    ├── DataError          a file or table cannot be used as it is
    │   └── UnsafeFileError    a file that could harm the machine: bombs, path tricks, disguised programs
    ├── BundleError        a model bundle is missing, damaged or not what it claims
    ├── TaskError          an unknown task, or a task that does not fit the model
    ├── SettingsError      an environment variable is not what it should be
    └── TrainingError      training cannot start or go on (one class only, too few stays, NaN loss)

A message says what was found, where, what was expected and what to do. It never carries a patient's
value or identifier, nor a traceback: messages may end up in logs.
"""


class MedGRUError(Exception):
    """Base of every error that a user can mend; anything else is a bug of ours."""


class DataError(MedGRUError):
    """A file or table cannot be used as it is."""


class UnsafeFileError(DataError):
    """A file that could harm the machine: an archive bomb, a path trick, a disguised program."""


class BundleError(MedGRUError):
    """A model bundle is missing, damaged or not what it claims to be."""


class TaskError(MedGRUError):
    """An unknown task, or one that does not fit the chosen model."""


class SettingsError(MedGRUError):
    """An environment variable that begins with `MEDGRU_` is not what it should be."""


class TrainingError(MedGRUError):
    """Training cannot start or go on."""
