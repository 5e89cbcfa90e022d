"""A bundle loads as it was saved, or is refused with a sentence; nothing in it is ever executed."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from medgru import bundle as bundle_module
from medgru.bundle import (
    CARD,
    FILES,
    JSON_FILES,
    SUMS,
    TASK,
    WEIGHTS,
    check_target,
    describe_bundle,
    list_bundles,
    load_bundle,
    save_bundle,
    write_sums,
)
from medgru.errors import BundleError, MedGRUError
from medgru.settings import PROJECT_ROOT


@pytest.fixture
def copy(tiny_bundle_path, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_bundle_path, tmp_path / "tiny"))


@pytest.fixture
def own_copy(untrained_bundle, ward_recordings, tmp_path) -> Path:
    """A small bundle that brings a task of its own."""
    return untrained_bundle(tmp_path / "ward" / "own", ward_recordings(stays=10))


def edit_json(path: Path, file: str, **changes: object) -> None:
    """Change a JSON file of a bundle on purpose, sums included."""
    content = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps(content | changes))
    write_sums(path)


def test_a_bundle_loads_as_it_was_saved(tiny_bundle, random_recordings, tmp_path):
    save_bundle(
        tmp_path / "again",
        network=tiny_bundle.network,
        preprocessor=tiny_bundle.preprocessor,
        calibrator=tiny_bundle.calibrator,
        base_rate=tiny_bundle.base_rate,
        metrics=tiny_bundle.metrics,
        training=tiny_bundle.training,
        card=tiny_bundle.card,
    )
    again = load_bundle(tmp_path / "again")
    assert again.sha256 == tiny_bundle.sha256
    assert again.preprocessor == tiny_bundle.preprocessor
    stays = again.preprocessor(random_recordings())
    inputs = (stays.x, stays.mask, stays.lengths, stays.statics, stays.statics_mask)
    torch.testing.assert_close(again.network(*inputs)[0], tiny_bundle.network(*inputs)[0], rtol=0, atol=0)
    assert not any(p.requires_grad for p in again.network.parameters())


def test_saving_over_a_bundle_replaces_it_whole(copy, tiny_bundle):
    save_bundle(
        copy,
        network=tiny_bundle.network,
        preprocessor=tiny_bundle.preprocessor,
        calibrator=tiny_bundle.calibrator,
        base_rate=tiny_bundle.base_rate,
        metrics={},
        training={},
        card="# new\n",
    )
    assert load_bundle(copy).card == "# new\n"
    assert [p.name for p in copy.parent.iterdir()] == ["tiny"]


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(BundleError, match=r"thesis\.docx"):
        check_target(tmp_path)
    with pytest.raises(BundleError, match="is a file"):
        check_target(tmp_path / "thesis.docx")
    check_target(tmp_path / "new")


@pytest.mark.parametrize("file", [*FILES, SUMS])
def test_a_missing_file_is_named(copy, file):
    (copy / file).unlink()
    with pytest.raises(BundleError, match=file.replace(".", r"\.")):
        describe_bundle(copy)


@pytest.mark.parametrize("file", FILES)
def test_a_changed_file_is_named_before_anything_is_read(copy, file):
    content = bytearray((copy / file).read_bytes())
    content[-2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(BundleError, match=f"{file.replace('.', chr(92) + '.')}.*damaged or changed"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["weights.pt", "model.pkl", "hook.py", "nested"])
def test_a_foreign_file_is_a_reason_to_refuse(copy, name):
    (copy / name).mkdir() if name == "nested" else (copy / name).write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(BundleError, match=name):
        load_bundle(copy)


def test_a_link_is_no_file_of_a_bundle(copy, tmp_path):
    (copy / CARD).rename(tmp_path / "elsewhere.md")
    (copy / CARD).symlink_to(tmp_path / "elsewhere.md")
    with pytest.raises(BundleError, match="no plain file"):
        describe_bundle(copy)


@pytest.mark.parametrize(
    ("file", "changes", "sentence"),
    [
        ("preprocess.json", {"low": [1e30] * 37}, "low must be below high"),
        ("calibration.json", {"knots": [0, 1, 2, 3, 4, 10**12]}, "rising hours"),
        ("calibration.json", {"scale": [1e30] * 6}, "at most 1,000,000"),
        ("config.json", {"schema_version": 99}, "format 99"),
        ("config.json", {"task": "fortune-telling"}, "fortune-telling"),
        ("config.json", {"network": {"hidden_size": 10**9}}, "config"),
        ("config.json", {"network": "os.system"}, "config"),
        ("labels.json", {"classes": [{"name": "a"}, {"name": "b"}]}, "other classes"),
        ("labels.json", {"classes": 3}, "other classes"),
        ("labels.json", {"base_rate": ["x", "y"]}, "base_rate"),
        ("labels.json", {"base_rate": 3}, "base_rate"),
        ("preprocess.json", {"mean": ["1"]}, "mean"),
        ("preprocess.json", {"scale": [0.0] * 37}, "scales positive"),
        ("preprocess.json", {"features": [1]}, "other features"),
        ("preprocess.json", {"statics": []}, "other features"),
        ("calibration.json", {"scale": "big"}, "calibration"),
        ("calibration.json", {"shift": [[0.0]] * 6}, "another number of classes"),
    ],
    ids=[
        "bounds far off",
        "no hour",
        "scale too large",
        "newer format",
        "unknown task",
        "memory bomb",
        "no object",
        "other classes",
        "classes no list",
        "text rates",
        "one rate",
        "text mean",
        "scale zero",
        "features no objects",
        "other descriptors",
        "text scale",
        "one class",
    ],
)
def test_a_bundle_that_is_not_what_it_claims_is_refused(copy, file, changes, sentence):
    edit_json(copy, file, **changes)
    with pytest.raises(BundleError, match=sentence):
        load_bundle(copy)


def test_a_network_larger_than_its_weights_is_refused_before_memory_is_taken(copy):
    network = json.loads((copy / "config.json").read_text())["network"]
    edit_json(copy, "config.json", network=network | {"members": 64, "hidden_size": 1024})
    with pytest.raises(BundleError, match=r"model\.safetensors .* too small"):
        load_bundle(copy)


def test_a_card_that_is_no_text_is_refused(copy):
    (copy / CARD).write_bytes(b"\xff\xfe\x00")
    write_sums(copy)
    with pytest.raises(BundleError, match="not UTF-8"):
        describe_bundle(copy)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"[" * 100_000], ids=["cut off", "a list", "deep nesting"])
def test_broken_json_is_refused(copy, content):
    (copy / "metrics.json").write_bytes(content)
    write_sums(copy)
    with pytest.raises(BundleError, match=r"metrics\.json"):
        describe_bundle(copy)


ODD = (
    "null",
    '""',
    "[]",
    "{}",
    "-1",
    "0",
    "1e30",
    "1e308",
    "NaN",
    "1e400",
    "9" * 400,
    "true",
    '"\\ud800"',
    "[" * 40 + "]" * 40,
)
"""What may stand in place of any entry of a file of a bundle."""


def places(value: object, place: tuple = ()) -> Iterator[tuple]:
    """The way to every entry, of lists to the first one."""
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*place, key))


@pytest.mark.parametrize("file", [*JSON_FILES, TASK])
def test_odd_entries_are_refused_in_a_sentence_or_do_no_harm(own_copy, file):
    content = json.loads((own_copy / file).read_text())
    kept, changed = shutil.copytree(own_copy, own_copy.parent / "kept"), 0
    for i, place in enumerate(list(places(content))[1:]):
        within = json.loads((kept / file).read_text())
        entry = reduce(getitem, place[:-1], within)
        entry[place[-1]] = "@here"
        for odd in ODD[i % 6 :: 6]:  # each entry meets some of them, each of them some entries
            (own_copy / file).write_text(json.dumps(within).replace('"@here"', odd))
            write_sums(own_copy)
            changed += 1
            with suppress(MedGRUError):
                load_bundle(own_copy)
            listed, broken = list_bundles(own_copy.parent)
            assert "kept" in [info.id for info in listed]
            assert len(listed) + len(broken) == 2
    assert changed


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "9" * 400])
def test_a_number_that_is_none_or_too_large_is_said_so(copy, number):
    (copy / "metrics.json").write_text(f'{{"AUROC": {number}}}')
    write_sums(copy)
    with pytest.raises(BundleError, match=r"metrics\.json of the bundle tiny holds .* number"):
        describe_bundle(copy)


def test_figures_that_are_not_known_are_saved_as_null(tiny_bundle, tmp_path):
    parts = {
        name: getattr(tiny_bundle, name) for name in ("network", "preprocessor", "calibrator", "base_rate", "card")
    }
    save_bundle(tmp_path / "new", **parts, metrics={"AUROC": float("nan")}, training={"loss": [float("inf"), 1.0]})
    saved = describe_bundle(tmp_path / "new")
    assert (saved.metrics, saved.training) == ({"AUROC": None}, {"loss": [None, 1.0]})


def test_a_bundle_that_may_not_be_read_does_not_hide_the_others(copy, monkeypatch):
    shutil.copytree(copy, copy.parent / "locked")
    read = bundle_module._sha256

    def locked(path):
        if path.parent.name == "locked":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(bundle_module, "_sha256", locked)
    usable, broken = list_bundles(copy.parent)
    assert [info.id for info in usable] == ["tiny"]
    assert "cannot be read (Permission denied). Check the rights" in broken["locked"]


@pytest.mark.parametrize("kind", ["pickle", "other tensors", "cut off"])
def test_weights_that_do_not_fit_are_refused(copy, kind):
    if kind == "pickle":
        (copy / WEIGHTS).write_bytes(b"\x80\x04cposix\nsystem\n(S'touch /tmp/owned'\ntR.")
    elif kind == "other tensors":
        save_file({"w": torch.zeros(2)}, copy / WEIGHTS)
    else:
        (copy / WEIGHTS).write_bytes((copy / WEIGHTS).read_bytes()[:-40])
    write_sums(copy)
    with pytest.raises(BundleError, match=r"model\.safetensors"):
        load_bundle(copy)


def test_an_unknown_model_says_which_there_are(copy, monkeypatch):
    folders = {"models_dir": copy.parent, "user_models_dir": copy.parent / "own"}
    monkeypatch.setattr("medgru.bundle.settings", lambda: type("S", (), folders))
    assert load_bundle("tiny").id == "tiny"
    with pytest.raises(BundleError, match="Bundles there: tiny"):
        load_bundle("huge")


def test_listing_tells_usable_from_broken(copy):
    shutil.copytree(copy, copy.parent / "broken")
    (copy.parent / "broken" / CARD).write_text("edited")
    usable, broken = list_bundles(copy.parent)
    assert [b.id for b in usable] == ["tiny"]
    assert "damaged or changed" in broken["broken"]
    assert list_bundles(copy.parent / "nowhere") == ([], {})


def test_nothing_in_the_source_loads_what_could_execute():
    forbidden = ("torch.load(", "pickle.load", "joblib.load", "allow_pickle=True", "eval(", "exec(", "yaml.load(")
    found = [
        f"{path.relative_to(PROJECT_ROOT)}: {word}"
        for folder in ("medgru", "pages")
        for path in (PROJECT_ROOT / folder).rglob("*.py")
        for word in forbidden
        if word in path.read_text().replace(".eval()", "")
    ]
    assert found == []
