"""A pretrained model as one folder that is saved, checked and loaded as a whole.

    models/<id>/
      model.safetensors   weights only
      config.json         architecture: plain numbers, validated before anything is built
      preprocess.json     features in order, units, centre and scale
      labels.json         classes and their frequencies in the training data
      calibration.json    from logits to probabilities
      metrics.json        how good it is, on whom, measured how
      training.json       seed, data hash, split hash, versions, command
      task.json           what goes in and comes out, where the task is the user's own and MedGRU does not know it
      README.md           the model card
      SHA256SUMS          of all of the above; checked before anything is read

Nothing in a bundle is ever executed: weights are safetensors, the rest is JSON and text, and any other
file in the folder is a reason to refuse it.
"""

import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medgru.errors import BundleError, TaskError
from medgru.plain_json import finite, parse
from medgru.settings import settings
from medgru.tasks import TASKS, Task, get_task
from medgru.tasks.own import task_from_config, task_to_config

if TYPE_CHECKING:
    from medgru.nn import Calibrator, Network
    from medgru.sequences import Preprocessor

SCHEMA_VERSION = 1
WEIGHTS = "model.safetensors"
CARD = "README.md"
TASK = "task.json"
SUMS = "SHA256SUMS"
JSON_FILES = ("config.json", "preprocess.json", "labels.json", "calibration.json", "metrics.json", "training.json")
FILES = (WEIGHTS, *JSON_FILES, CARD)
"""What every bundle holds, beside SUMS."""
ALLOWED = frozenset({*FILES, TASK, SUMS})
"""What a bundle may hold."""
MAX_JSON_BYTES = 2 * 2**20
MAX_WEIGHT_BYTES = 256 * 2**20
MAX_ID_LENGTH = 80
_ID = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")


@dataclass(frozen=True)
class BundleInfo:
    """What a bundle says of itself, after its checksums were verified; reading it needs no torch.

    Attributes:
        id: Name of its folder.
        path: The folder.
        task: What it was trained for.
        base_rate: Class frequencies in its training data, (C,).
        metrics, training: The contents of `metrics.json` and `training.json`.
        card: The model card, Markdown.
        sha256: Hash over the hashes of all its files: changes when anything changes.
        checksums: Hash of each file by name.
    """

    id: str
    path: Path
    task: Task
    base_rate: NDArray[np.float32]
    metrics: dict[str, Any]
    training: dict[str, Any]
    card: str
    sha256: str
    checksums: dict[str, str]


@dataclass(frozen=True)
class Bundle(BundleInfo):
    """A loaded model: what `BundleInfo` says, and the parts that predict. Read-only: never train it."""

    network: "Network[Any]"
    preprocessor: "Preprocessor"
    calibrator: "Calibrator"


def describe_bundle(path: Path) -> BundleInfo:
    """Check a bundle's files and read all but its weights.

    Raises:
        BundleError: A file is missing, foreign, too large, damaged or changed; the message names it.
    """
    path = Path(path)
    try:
        return _describe(path)
    except OSError as error:
        raise BundleError(
            f"The bundle {path.name} cannot be read ({error.strerror}). Check the rights of its files."
        ) from None


def _describe(path: Path) -> BundleInfo:
    checksums = _verify(path)
    config, labels = _read_json(path, "config.json"), _read_json(path, "labels.json")
    if config.get("schema_version") != SCHEMA_VERSION:
        raise BundleError(
            f"The bundle {path.name} has format {ascii(config.get('schema_version'))[:20]}, this MedGRU reads format "
            f"{SCHEMA_VERSION}. Install the MedGRU version it was made for."
        )
    try:
        task = _task(path, str(config.get("task")), own=TASK in checksums)
    except TaskError as error:
        raise BundleError(f"The bundle {path.name} cannot be used: {error}") from None
    if labels.get("classes") != [{"name": o.name, "label": o.label} for o in task.outcomes]:
        raise BundleError(f"labels.json of the bundle {path.name} lists other classes than the task {task.name}.")
    rates = labels.get("base_rate")
    if not _are_shares(rates, len(task.outcomes)):
        raise BundleError(f"labels.json of the bundle {path.name}: base_rate must be {len(task.outcomes)} shares.")
    try:
        card = (path / CARD).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{CARD} of the bundle {path.name} is not UTF-8 text. Install the bundle anew.") from None
    return BundleInfo(
        id=path.name,
        path=path,
        task=task,
        base_rate=np.array(rates, dtype=np.float32),
        metrics=_read_json(path, "metrics.json"),
        training=_read_json(path, "training.json"),
        card=card,
        sha256=hashlib.sha256(json.dumps(checksums, sort_keys=True).encode()).hexdigest(),
        checksums=checksums,
    )


def load_bundle(path: Path | str) -> Bundle:
    """Load a bundle by its folder, or by its id under the models folder or the user's own.

    Raises:
        BundleError: There is none, or it is damaged, changed or not what it claims to be.
    """
    path = _locate(path)
    info = describe_bundle(path)

    import safetensors
    import torch
    from safetensors.torch import load_file

    from medgru.nn import Calibrator, build_network, check_causal
    from medgru.sequences import Preprocessor

    config = _network_config(path, info.task)
    try:
        check_causal(config, info.task)
    except TaskError as error:
        raise BundleError(f"The bundle {path.name} cannot be used: {error}") from None
    with torch.device("meta"):  # how large it would be, before any memory is taken
        needed = sum(t.numel() * t.element_size() for t in build_network(config).state_dict().values())
    if needed > (path / WEIGHTS).stat().st_size:
        raise BundleError(f"{WEIGHTS} of the bundle {path.name} is too small for its config.json. Install it anew.")
    network = build_network(config)
    try:
        weights = load_file(path / WEIGHTS)
        network.load_state_dict(weights, strict=True)
    except (safetensors.SafetensorError, RuntimeError, OSError) as error:
        raise BundleError(
            f"{WEIGHTS} of the bundle {path.name} does not fit its config.json ({type(error).__name__}). "
            "Install the bundle anew."
        ) from None
    calibrator = Calibrator.from_config(_read_json(path, "calibration.json"))
    if calibrator.shift.shape[1] != len(info.task.outcomes):
        raise BundleError(f"calibration.json of the bundle {path.name} is for another number of classes.")
    return Bundle(
        **vars(info),
        network=network.freeze(),
        preprocessor=Preprocessor.from_config(_read_json(path, "preprocess.json"), info.task),
        calibrator=calibrator,
    )


def list_bundles(models_dir: Path | None = None) -> tuple[list[BundleInfo], dict[str, str]]:
    """All usable bundles under the models folder, by id, and why each other folder there is not usable."""
    folder = models_dir or settings().models_dir
    usable, broken = [], {}
    # A name that begins with a dot is a bundle that is being written.
    folders = (p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".") if folder.is_dir() else ()
    for path in sorted(folders):
        try:
            usable.append(describe_bundle(path))
        except BundleError as error:
            broken[path.name] = str(error)
    return usable, broken


def save_bundle(
    path: Path,
    *,
    network: "Network[Any]",
    preprocessor: "Preprocessor",
    calibrator: "Calibrator",
    base_rate: NDArray[np.float32],
    metrics: dict[str, Any],
    training: dict[str, Any],
    card: str,
) -> None:
    """Write a bundle; the folder appears whole or not at all, and replaces an older bundle of that name.

    Raises:
        BundleError: The folder holds something that is no bundle.
    """
    check_target(path)

    from safetensors.torch import save_file

    task = preprocessor.task
    contents: dict[str, Any] = {
        "config.json": {"schema_version": SCHEMA_VERSION, "task": task.name, "network": network.config},
        "preprocess.json": preprocessor.to_config(),
        "labels.json": {
            "classes": [{"name": o.name, "label": o.label} for o in task.outcomes],
            "base_rate": [float(r) for r in base_rate],
        },
        "calibration.json": calibrator.to_config(),
        "metrics.json": finite(metrics),
        "training.json": finite(training),
    }
    if task.name not in TASKS:
        contents[TASK] = task_to_config(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as name:
        new = Path(name) / "new"
        new.mkdir()
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, new / WEIGHTS)
        for file, content in contents.items():
            (new / file).write_text(_written(content), encoding="utf-8")
        (new / CARD).write_text(card, encoding="utf-8")
        write_sums(new)
        for written in new.iterdir():
            written.chmod(0o644)  # safetensors writes 0600, which another user's server could not read
        if path.exists():
            os.replace(path, Path(name) / "old")
        os.replace(new, path)


def check_target(path: Path) -> None:
    """Make sure that a bundle may be written there; for long runs, before they start.

    Raises:
        BundleError: The folder holds something that is no bundle: it would be lost.
    """
    if path.is_dir() and (foreign := sorted({p.name for p in path.iterdir()} - ALLOWED)):
        raise BundleError(
            f"{path} holds what is no part of a bundle ({', '.join(foreign[:3])}), and saving would replace it. "
            "Name a new folder, or one that holds a bundle."
        )
    if path.exists() and not path.is_dir():
        raise BundleError(f"{path} is a file. Name a folder for the bundle.")


def write_sums(path: Path) -> None:
    """Write SHA256SUMS anew after a file of the bundle, such as its card, was edited on purpose."""
    lines = [f"{_sha256(path / file)}  {file}\n" for file in _files(path)]
    (path / SUMS).write_text("".join(lines), encoding="ascii")


def is_id(text: str) -> bool:
    """Whether that may be an id: small letters and digits, single dots, dashes or underscores between them."""
    return len(text) <= MAX_ID_LENGTH and _ID.fullmatch(text) is not None


def _locate(path: Path | str) -> Path:
    folders = (settings().models_dir, settings().user_models_dir)
    for candidate in (Path(path), *(folder / str(path) for folder in folders)):
        if (candidate / "config.json").is_file():
            return candidate
    usable = {p.name for folder in folders for p in folder.glob("*") if (p / "config.json").is_file()}
    known = f"Bundles there: {', '.join(sorted(usable))}." if usable else "There are none."
    raise BundleError(
        f"There is no model bundle at {path}, nor of that name under {folders[0]} or {folders[1]}. {known}"
    )


def _files(path: Path) -> tuple[str, ...]:
    """The files of that bundle, sums apart."""
    return (*FILES, TASK) if (path / TASK).exists() else FILES


def _task(path: Path, name: str, own: bool) -> Task:
    """The task of that name: MedGRU's, or the one the bundle brings."""
    if not own:
        return get_task(name)
    task = task_from_config(_read_json(path, TASK))
    if task.name in TASKS:
        raise BundleError(f"The bundle {path.name} brings a task of its own under the name of MedGRU's {task.name}.")
    if task.name != name:
        raise BundleError(f"config.json and {TASK} of the bundle {path.name} name different tasks. Install it anew.")
    return task


def _verify(path: Path) -> dict[str, str]:
    """Hash of each file by name, once all are what SHA256SUMS says."""
    if not path.is_dir():
        raise BundleError(f"{path} is not a folder with a model bundle.")
    found = {p.name for p in path.iterdir()}
    if missing := sorted({*FILES, SUMS} - found):
        raise BundleError(f"The bundle {path.name} lacks {', '.join(missing)}. Install it anew.")
    if foreign := sorted(found - ALLOWED):
        raise BundleError(
            f"The bundle {path.name} holds files that no bundle has: {', '.join(foreign)}. "
            "MedGRU loads weights from safetensors only; remove them or install the bundle anew."
        )
    files = _files(path)
    for file in (*files, SUMS):
        limit = largest(file)
        if not (path / file).is_file() or (path / file).is_symlink() or (path / file).stat().st_size > limit:
            raise BundleError(f"{file} of the bundle {path.name} is no plain file of at most {limit // 2**20} MiB.")
    stated = {}
    for line in (path / SUMS).read_text(encoding="ascii", errors="replace").splitlines():
        digest, _, file = line.partition("  ")
        stated[file] = digest
    actual = {file: _sha256(path / file) for file in files}
    if changed := sorted(file for file in {*files, *stated} if stated.get(file) != actual.get(file)):
        raise BundleError(
            f"{', '.join(changed)} of the bundle {path.name} is not the file its {SUMS} names: it was damaged or "
            "changed. Install the bundle anew."
        )
    return actual


def largest(file: str) -> int:
    """Most bytes that file of a bundle may have."""
    return MAX_WEIGHT_BYTES if file == WEIGHTS else MAX_JSON_BYTES


def _are_shares(rates: object, count: int) -> bool:
    return (
        isinstance(rates, list)
        and len(rates) == count
        and all(isinstance(r, int | float) and not isinstance(r, bool) and 0 <= r <= 1 for r in rates)
    )


def _network_config(path: Path, task: Task) -> dict[str, Any]:
    """The architecture, once its ends fit the task's inputs and classes."""
    config = _read_json(path, "config.json").get("network")
    ends = {"input_size": len(task.features), "static_size": len(task.statics), "num_classes": len(task.outcomes)}
    if not isinstance(config, dict) or any(config.get(name) != size for name, size in ends.items()):
        raise BundleError(
            f"config.json of the bundle {path.name} describes no network for {task.name}: it needs "
            f"{', '.join(f'{name} {size}' for name, size in ends.items())}. Install the bundle anew."
        )
    return config


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _written(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _read_json(path: Path, file: str) -> dict[str, Any]:
    try:
        content = parse((path / file).read_bytes())
    except ValueError as error:
        raise BundleError(f"{file} of the bundle {path.name} holds {error}. Install the bundle anew.") from None
    if not isinstance(content, dict):
        raise BundleError(f"{file} of the bundle {path.name} holds no JSON object. Install the bundle anew.")
    return content
