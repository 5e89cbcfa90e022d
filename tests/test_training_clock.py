"""The time a run was at work: all of it, once."""

from types import SimpleNamespace

import pytest

from medgru.training import clock as clocks
from medgru.training.clock import Clock
from medgru.training.progress import Reporter


@pytest.fixture
def now(monkeypatch) -> SimpleNamespace:
    """A clock that is moved by hand."""
    hand = SimpleNamespace(at=100.0)
    monkeypatch.setattr(clocks, "time", SimpleNamespace(monotonic=lambda: hand.at))
    return hand


def test_every_second_at_work_counts_once_over_all_resumptions(tmp_path, now):
    total = 0.0
    for spent in (7.0, 5.0, 30.0):
        clock = Clock(Reporter(), tmp_path / "checkpoint" / "seconds.json")
        now.at += spent
        clock.should_stop()
        clock.stage("Saving")
        total += spent
        assert clock.seconds == total
        now.at += 1000  # nobody works


def test_a_process_that_is_killed_loses_little_of_the_time(tmp_path, now):
    clock = Clock(Reporter(), tmp_path / "seconds.json")
    for _ in range(100):
        now.at += 1.0
        clock.batch(0.5)
    assert 0 <= 100 - Clock(Reporter(), tmp_path / "seconds.json").seconds <= clocks.NOTE_S + 1


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"NaN", b"[1]", b"\xff", b"1" * 400])
def test_a_damaged_note_counts_as_none_and_a_full_disk_is_not_the_end(tmp_path, now, content, monkeypatch):
    (tmp_path / "seconds.json").write_bytes(content)
    clock = Clock(Reporter(), tmp_path / "seconds.json")
    assert clock.seconds == 0

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clocks, "write_whole", full)
    clock.stage("Saving")


def test_what_is_said_and_asked_goes_through(tmp_path):
    class Outside(Reporter):
        said: tuple = ()

        def stage(self, text):
            self.said += (text,)

        def epoch(self, epoch):
            self.said += (epoch,)

        def batch(self, share):
            self.said += (share,)

        def should_stop(self):
            return True

    clock = Clock(outside := Outside(), tmp_path / "seconds.json")
    for say in (clock.stage, clock.epoch, clock.batch):
        say(1)
    assert outside.said == (1, 1, 1)
    assert clock.should_stop()
