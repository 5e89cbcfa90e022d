"""Files that appear whole or not at all."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from medgru.whole_files import replacing, write_whole


def test_a_file_is_replaced_as_a_whole_and_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "state.json"
    write_whole(path, b"old")
    with replacing(path) as file:
        file.write(b"ne")
        assert path.read_bytes() == b"old"
        file.write(b"w")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError()], ids=repr)
def test_what_fails_half_way_leaves_the_older_file_and_nothing_beside_it(tmp_path, error):
    path = tmp_path / "state.json"
    write_whole(path, b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("state.json", b"old")]


def test_of_several_that_write_at_once_one_wins_and_none_is_mixed(tmp_path):
    path, contents = tmp_path / ("long" * 60), [bytes([65 + i]) * 50_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_whole(path, content), contents))
    assert path.read_bytes() in contents
    assert len(list(tmp_path.iterdir())) == 1
