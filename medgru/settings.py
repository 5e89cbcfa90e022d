"""Settings, read once from environment variables that begin with `MEDGRU_`."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from medgru.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """Where things are and how much is allowed.

    Attributes:
        models_dir: Folder of model bundles (`MEDGRU_MODELS_DIR`).
        data_dir: Folder of public training data, None where absent (`MEDGRU_DATA_DIR`). Whoever opens Retrain can
            train on every table below it.
        home: Folder of what the user makes: runs, their data, own models (`MEDGRU_HOME`); readable by its owner only.
        max_running: Training runs that work at the same time; the others wait (`MEDGRU_MAX_RUNNING`).
        max_upload_mb: Largest file accepted, in MiB (`MEDGRU_MAX_UPLOAD_MB`).
        max_unpacked_mb: Largest content of an archive or workbook, in MiB (`MEDGRU_MAX_UNPACKED_MB`).
        max_rows: Most rows of tables read in one go (`MEDGRU_MAX_ROWS`).
    """

    models_dir: Path = PROJECT_ROOT / "models"
    data_dir: Path | None = None
    home: Path = Path.home() / ".local" / "share" / "medgru"
    max_running: int = 1
    max_upload_mb: int = 50
    max_unpacked_mb: int = 300
    max_rows: int = 5_000_000

    @property
    def max_values(self) -> int:
        """Most measurements read in one go: a row of a wide table holds several."""
        return 4 * self.max_rows

    @property
    def user_models_dir(self) -> Path:
        """Folder of the user's own bundles."""
        return self.home / "models"

    @property
    def runs_dir(self) -> Path:
        """Folder of the training runs, a folder each."""
        return self.home / "runs"


@cache
def settings() -> Settings:
    """The settings of this process; the environment is read on the first call only.

    Raises:
        SettingsError: A variable is not what it should be; the message names it.
    """
    env = os.environ
    default = Settings()
    data_dir = env.get("MEDGRU_DATA_DIR")

    data_home = env.get("XDG_DATA_HOME")

    def number(name: str, otherwise: int) -> int:
        text = env.get(name, str(otherwise))
        if not text.isdecimal() or not int(text):
            raise SettingsError(f"The environment variable {name} must be a whole number above 0. Correct or unset it.")
        return int(text)

    return Settings(
        models_dir=Path(env.get("MEDGRU_MODELS_DIR", default.models_dir)),
        data_dir=Path(data_dir) if data_dir else None,
        home=Path(env.get("MEDGRU_HOME") or (Path(data_home) / "medgru" if data_home else default.home))
        .expanduser()
        .absolute(),  # a worker has another working directory
        max_running=number("MEDGRU_MAX_RUNNING", default.max_running),
        max_upload_mb=number("MEDGRU_MAX_UPLOAD_MB", default.max_upload_mb),
        max_unpacked_mb=number("MEDGRU_MAX_UNPACKED_MB", default.max_unpacked_mb),
        max_rows=number("MEDGRU_MAX_ROWS", default.max_rows),
    )


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, and those above it that are missing.

    One that exists keeps its rights: it may be shared on purpose.
    """
    for folder in (*reversed(path.parents), path):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path
