"""The shelf of models: what is in use is never lost, never half-written, and no own model hides a shipped one."""

import io
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from safetensors.torch import load_file

from medgru import library
from medgru.bundle import CARD, FILES, SUMS, TASK, WEIGHTS, describe_bundle, load_bundle, write_sums
from medgru.bundle_zip import MAX_ZIP_BYTES
from medgru.errors import BundleError
from medgru.settings import PROJECT_ROOT, settings


@pytest.fixture
def own(shelf, untrained_bundle, random_recordings):
    """Factory: an own model of the shipped task under that id."""

    def make(name: str, seed: int = 1) -> str:
        untrained_bundle(settings().user_models_dir / name, random_recordings(stays=30), seed=seed)
        return name

    return make


def test_the_shipped_model_is_in_use_until_another_is_chosen(own, task):
    assert library.in_use(task).id == "icu-mortality"
    library.use(task, own("mine"), "better on our ward")
    assert library.in_use(task).id == "mine"
    assert library.is_own(library.in_use(task))
    (only,) = library.history(task)
    assert (only.bundle_id, only.action, only.reason, only.override) == ("mine", "chosen", "better on our ward", False)


def test_rolling_back_goes_down_step_by_step_and_each_step_is_noted(own, task):
    for name in (own("first", 1), own("second", 2)):
        library.use(task, name, "", run_id=f"run-{name}")
    assert library.roll_back(task).id == "first"
    assert library.roll_back(task).id == "icu-mortality"
    with pytest.raises(BundleError, match="nothing to go back to"):
        library.roll_back(task)
    assert [(u.action, u.bundle_id) for u in library.history(task)] == [
        ("promoted", "first"),
        ("promoted", "second"),
        ("rolled back", "first"),
        ("rolled back", "icu-mortality"),
    ]
    library.use(task, "second", "")
    assert library.roll_back(task).id == "icu-mortality"


def test_a_model_chosen_twice_in_a_row_is_one_step(own, task):
    for name in (own("mine"), "mine"):
        library.use(task, name, "")
    assert library.roll_back(task).id == "icu-mortality"


def test_what_was_rolled_back_is_not_come_back_to(own, task):
    for name in (own("first", 1), own("second", 2)):
        library.use(task, name, "")
    library.roll_back(task)
    library.use(task, own("third", 3), "")
    assert library.roll_back(task).id == "first"


@pytest.mark.parametrize(
    "damage",
    [
        b'{"task": "icu-mor',
        b"\xff\x00\n",
        b"[1]\n",
        b'{"when": "x"}\n' + b"[" * 100_000,
        *(
            b'{"task": "icu-mortality", "bundle_id": "first", "sha256": "", "action": "chosen", "when": %b}\n' % when
            for when in (b"NaN", b"1e400", b"1e30", b"-1", b"9" * 400)
        ),
    ],
)
def test_a_damaged_line_of_the_history_costs_nothing_but_itself(own, task, shelf, damage):
    library.use(task, own("first", 1), "")
    with (shelf / library.HISTORY).open("ab") as file:
        file.write(damage)
    assert library.in_use(task).id == "first"
    library.use(task, own("second", 2), "")
    assert [u.bundle_id for u in library.history(task)] == ["first", "second"]


def test_a_model_that_is_gone_or_another_under_its_id_gives_way_to_the_one_before(
    own, task, untrained_bundle, random_recordings
):
    library.use(task, own("first", 1), "")
    library.use(task, own("second", 2), "")
    untrained_bundle(settings().user_models_dir / "second", random_recordings(stays=30), seed=99)
    assert library.in_use(task).id == "first"
    (settings().user_models_dir / "first" / CARD).unlink()
    assert library.in_use(task).id == "icu-mortality"


def test_a_full_disk_leaves_the_history_as_it_was(own, task, shelf, monkeypatch):
    library.use(task, own("first", 1), "")
    before = (shelf / library.HISTORY).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medgru.whole_files.os.fsync", full)
    with pytest.raises(BundleError, match=r"cannot be changed \(No space left.*Free some space"):
        library.use(task, own("second", 2), "")
    assert (shelf / library.HISTORY).read_bytes() == before
    assert not [p for p in shelf.iterdir() if p.name.startswith(".in_use")]


def test_a_full_disk_is_said_where_a_model_is_added(own, monkeypatch):
    def full(*_) -> None:
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device")])  # what copytree makes of it

    bundle = settings().user_models_dir / own("first")
    shutil.copytree(bundle, other := bundle.parent.parent / "elsewhere")
    (other / CARD).write_text("another card")
    write_sums(other)
    monkeypatch.setattr("medgru.library.shutil.copytree", full)
    with pytest.raises(BundleError, match=r"cannot be changed\. Free some space"):
        library.add(other, "second")
    assert [path.name for path in bundle.parent.iterdir()] == ["first"]


def test_a_model_for_another_task_an_unknown_one_and_an_override_without_reason_are_refused(
    own, task, own_ward, untrained_bundle, ward_recordings
):
    untrained_bundle(settings().user_models_dir / "ward", ward_recordings())
    with pytest.raises(BundleError, match="is for Station 7"):
        library.use(task, "ward", "")
    with pytest.raises(BundleError, match="no model of that id"):
        library.use(task, "../shipped/icu-mortality", "")
    with pytest.raises(BundleError, match="reason in words"):
        library.use(task, own("mine"), "  ", override=True)
    assert library.history(task) == ()
    assert library.in_use(own_ward) is None
    library.use(own_ward, "ward", "")
    assert library.in_use(own_ward).id == "ward"
    assert own_ward in library.tasks()


def test_an_own_folder_never_hides_a_shipped_model(own, task):
    own("icu-mortality")
    own("Not An Id")
    usable, broken = library.bundles()
    assert [(info.id, library.is_own(info)) for info in usable] == [("icu-mortality", False)]
    assert "never hidden" in broken["icu-mortality"]
    assert "is no id" in broken["Not An Id"]
    assert not library.is_own(library.find("icu-mortality"))


def test_added_models_get_free_ids_and_the_same_model_is_not_added_twice(
    shelf, tmp_path, untrained_bundle, random_recordings
):
    sources = [untrained_bundle(tmp_path / f"run-{i}", random_recordings(stays=30), seed=i) for i in range(2)]
    ids = [library.add(source, "ICU mortality").id for source in (*sources, sources[0])]
    assert ids == ["icu-mortality-2", "icu-mortality-3", "icu-mortality-2"]
    assert library.add(untrained_bundle(tmp_path / "x", random_recordings(stays=30), seed=7), "败血症 / ../é").id == "e"
    assert {p.name for p in settings().user_models_dir.iterdir()} == {"icu-mortality-2", "icu-mortality-3", "e"}


def test_only_own_models_that_are_not_in_use_can_be_removed(own, task):
    info = library.find(own("mine"))
    library.use(task, "mine", "")
    for kept, sentence in ((info, "in use"), (library.find("icu-mortality"), "came with MedGRU")):
        with pytest.raises(BundleError, match=sentence):
            library.remove(kept)
    library.roll_back(task)
    library.remove(info)
    assert list(settings().user_models_dir.iterdir()) == []


def test_a_zip_brings_back_the_same_model_under_a_free_id(shelf, untrained_bundle, ward_recordings, random_recordings):
    for seed, recordings in enumerate((random_recordings(stays=5), ward_recordings())):
        info = describe_bundle(untrained_bundle(settings().user_models_dir / "ward", recordings, seed))
        content, expected = library.export_zip(info), load_file(info.path / WEIGHTS)
        assert content == library.export_zip(info)
        library.remove(info)
        untrained_bundle(settings().user_models_dir / "ward", recordings, seed + 7)  # another of the same id
        again = library.import_zip(content)
        assert (again.id, again.sha256, again.task) == ("ward-2", info.sha256, info.task)
        assert library.is_imported(again)
        weights = load_file(again.path / WEIGHTS)
        assert all(weights[name].equal(expected[name]) for name in expected)
        library.remove(again)


def test_a_zip_of_a_model_that_is_there_adds_none(own):
    for info in (library.find("icu-mortality"), library.find(own("mine"))):
        before = [i.id for i in library.bundles()[0]]
        assert library.import_zip(library.export_zip(info)).id == info.id
        assert [i.id for i in library.bundles()[0]] == before


def test_a_model_is_imported_unless_a_run_here_is_known(own, task):
    info = library.find(own("mine"))
    assert library.is_imported(info)
    library.use(task, info.id, "", run_id="20261123-091502-abc")
    assert not library.is_imported(info)
    assert not library.is_imported(library.find("icu-mortality"))


NULL = "<null>"


def zipped(files: dict[str, bytes], **kinds: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name.replace("\x00", NULL))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = kinds.get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return out.getvalue().replace(NULL.encode(), bytes(len(NULL)))  # zipfile itself writes no such name


@pytest.fixture
def files(tiny_bundle_path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in tiny_bundle_path.iterdir()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hook.py": b"print()"}, r"hook\.py"),
        ({"../metrics.json": b"{}"}, "no file of a model"),
        ({"/etc/README.md": b"x"}, "no file of a model"),
        ({"/README.md": b"x", CARD: None}, "no file of a model"),
        ({"..\\README.md": b"x"}, "no file of a model"),
        ({"a/b/README.md": b"x"}, "no file of a model"),
        ({"inside/README.md": b"x"}, r"README\.md twice"),
        ({"sub/task.json": b"x"}, "several folders"),
        ({"README.md\x00.py": b"x"}, "no file of a model"),
        ({"empty/": b""}, "several folders"),
        ({CARD: None}, r"lacks README\.md"),
        ({CARD: b"# edited\n"}, "damaged or changed"),
        ({CARD: b" " * (2 * 2**20 + 1)}, "larger than 2 MiB"),
        ({WEIGHTS: b"\x80\x04cposix\nsystem\n."}, "damaged or changed"),
        ({TASK: b"{}"}, "damaged or changed"),
    ],
    ids=[
        "program", "upwards", "absolute", "from the root", "backslash", "deep", "twice", "two folders", "null byte",
        "empty folder", "missing", "edited", "too large", "pickle", "foreign task",
    ],
)  # fmt: skip
def test_a_zip_of_anything_but_a_bundle_is_refused_by_name(shelf, files, change, sentence):
    content = {name: data for name, data in (files | change).items() if data is not None}
    with pytest.raises(BundleError, match=sentence):
        library.import_zip(zipped(content))
    assert list(settings().user_models_dir.iterdir()) == []


def test_weights_that_do_not_load_are_refused_before_the_model_is_taken(shelf, files, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for name, data in (files | {WEIGHTS: b"\x80\x04cposix\nsystem\n."}).items():
        (broken / name).write_bytes(data)
    write_sums(broken)
    with pytest.raises(BundleError, match=r"model\.safetensors"):
        library.import_zip(zipped({p.name: p.read_bytes() for p in broken.iterdir()}))
    assert list(settings().user_models_dir.iterdir()) == []


def test_a_link_in_a_zip_is_refused(shelf, files):
    with pytest.raises(BundleError, match="is a link"):
        library.import_zip(zipped(files, **{CARD: stat.S_IFLNK | 0o777}))


def test_a_zip_with_bytes_changed_is_refused_in_a_sentence(shelf, files):
    nameless = bytearray(zipped(files))
    nameless[nameless.rindex(CARD.encode())] = 0  # its name ends before it begins
    with pytest.raises(BundleError, match="no whole zip"):
        library.import_zip(bytes(nameless))
    rng = random.Random(0)
    for _ in range(150):
        changed = bytearray(zipped(dict.fromkeys(files, b"short")))
        for place in rng.sample(range(len(changed)), 3):
            changed[place] = rng.choice([0, 255, rng.randrange(256)])
        with pytest.raises(BundleError):
            library.import_zip(bytes(changed))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_in_a_zip_is_refused(shelf, files):
    out = io.BytesIO(zipped(files))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(CARD, "# another\n")
    with pytest.raises(BundleError, match=r"README\.md twice"):
        library.import_zip(out.getvalue())


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x05\x06" + b"\0" * 18, b"%PDF-1.7", b"PK\x01\x02" * 1000],
    ids=["nothing", "no files", "no zip", "a million files"],
)
def test_what_is_no_zip_of_a_bundle_is_refused(shelf, content):
    with pytest.raises(BundleError):
        library.import_zip(content)


def test_a_zip_that_lies_about_its_sizes_or_is_cut_off_is_refused(shelf, files):
    content = zipped(files)
    for wrong in (content[:-30], content[: len(content) // 2], content.replace(b"deflated", b"")[100:]):
        with pytest.raises(BundleError):
            library.import_zip(wrong)
    small = len(files[CARD]).to_bytes(4, "little")
    bomb = zipped(files | {CARD: b"\0" * 5_000_000}).replace((5_000_000).to_bytes(4, "little"), small)
    with pytest.raises(BundleError):
        library.import_zip(bomb)
    with pytest.raises(BundleError, match="larger than"):
        library.import_zip(bytes(MAX_ZIP_BYTES + 1))


def test_files_at_the_top_of_a_zip_and_in_one_folder_are_both_taken(shelf, own):
    path = library.find(own("mine")).path
    files = {p.name: p.read_bytes() for p in path.iterdir()}
    library.remove(library.find("mine"))
    first = library.import_zip(zipped(files))
    assert first.id == "model"
    library.remove(first)
    assert library.import_zip(zipped({f"Station 7/{k}": v for k, v in files.items()})).id == "station-7"
    assert set(files) == {*FILES, SUMS}


def edit_task(path: Path, **changes: object) -> None:
    (path / TASK).write_text(json.dumps(json.loads((path / TASK).read_text()) | changes))
    write_sums(path)


def test_an_own_task_travels_in_its_bundle(shelf, own_ward, untrained_bundle, ward_recordings, tmp_path):
    path = untrained_bundle(tmp_path / "ward", ward_recordings())
    bundle = load_bundle(path)
    assert bundle.task == own_ward
    assert TASK in bundle.checksums


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "icu-mortality"}, "icu-mortality"),
        ({"name": "ward-000000"}, "name"),
        ({"title": "Sure death"}, "name"),
        ({"window_hours": 10**9}, "window_hours"),
        ({"shell": "rm"}, "unknown"),
    ],
    ids=["shipped name", "another name", "changed content", "out of range", "unknown entry"],
)
def test_a_task_that_is_not_what_its_name_says_is_refused(
    untrained_bundle, ward_recordings, tmp_path, changes, sentence
):
    path = untrained_bundle(tmp_path / "ward", ward_recordings())
    edit_task(path, **changes)
    with pytest.raises(BundleError, match=sentence):
        describe_bundle(path)


def test_a_bundle_of_a_shipped_task_brings_no_task_of_its_own(untrained_bundle, ward_recordings, tmp_path, task):
    from medgru.tasks.own import task_to_config

    path = untrained_bundle(tmp_path / "ward", ward_recordings())
    (path / TASK).write_text(json.dumps(task_to_config(task)))
    write_sums(path)
    with pytest.raises(BundleError, match="under the name of MedGRU's"):
        describe_bundle(path)


@pytest.mark.slow
def test_two_processes_at_once_lose_no_entry(own, task):
    own("mine")
    code = (
        "from medgru import library; from medgru.tasks import get_task\n"
        "for i in range(15): library.use(get_task('icu-mortality'), ('mine', 'icu-mortality')[i % 2], 'word')"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert len(library.history(task)) == 30


def test_what_a_killed_process_left_is_no_model_and_is_swept_away_in_time(own, task, files):
    own("mine")
    left, fresh = (settings().user_models_dir / name for name in (".new-left", ".new-fresh"))
    for folder in (left, fresh):
        (folder / "half").mkdir(parents=True)
    os.utime(left, (0, 0))
    assert [info.id for info in library.bundles()[0]] == ["icu-mortality", "mine"]
    library.import_zip(zipped(files))
    assert not left.exists()
    assert fresh.exists()
