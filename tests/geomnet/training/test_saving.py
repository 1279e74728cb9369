"""When a run is saved, where it can not be, and what is said meanwhile."""

import time
import types

import pytest

from geomnet import training
from geomnet.training import _file, _fit

from .small_run import ADAM, KEY, Windows, fit, linear

pytestmark = pytest.mark.usefixtures("optax_promotes")


def test_slow_steps_are_saved_by_time(tmp_path, monkeypatch):
    class Slow(Windows):
        """The power fails in the fifth step."""

        left = 4

        def take(self, numbers):
            if not self.left:
                raise OSError("power")
            self.left -= 1
            time.sleep(0.02)
            return super().take(numbers)

    monkeypatch.setattr(_fit, "SAVE_EVERY", 0.01)
    with pytest.raises(OSError, match="power"):
        fit(tmp_path / "a", windows=Slow())
    state = training.start_training(linear(), ADAM, key=KEY)
    assert int(training.load_checkpoint(tmp_path / "a", state)[0].num_steps) == 4


def test_of_slow_steps_no_more_than_half_a_minute_and_a_step_is_lost(
    tmp_path, monkeypatch
):
    """By a clock on which each step takes 20 seconds; the power fails in the sixth."""
    now = 0.0

    class Slow(Windows):
        def take(self, numbers):
            nonlocal now
            now += 20.0
            if now > 100:
                raise OSError("power")
            return super().take(numbers)

    monkeypatch.setattr(_fit, "time", types.SimpleNamespace(monotonic=lambda: now))
    with pytest.raises(OSError, match="power"):
        fit(tmp_path / "a", windows=Slow())
    state = training.start_training(linear(), ADAM, key=KEY)
    assert int(training.load_checkpoint(tmp_path / "a", state)[0].num_steps) == 4


def test_places_that_can_not_be_written_are_found_before_the_first_step(tmp_path):
    class Never(Windows):
        def take(self, numbers):
            raise AssertionError("training has begun")

    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "a"):
        with pytest.raises(ValueError, match="`checkpoint`"):
            fit(path, windows=Never())
    fit(tmp_path / "new" / "folder" / "a", num_steps=1)
    assert (tmp_path / "new" / "folder" / "a").is_file()


def test_ctrl_c_on_a_full_disk_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "a"
    fit(path, num_steps=2)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    class Late(Windows):
        left = 3

        def take(self, numbers):
            self.left -= 1
            if self.left < 0:
                monkeypatch.setattr(_file.os, "fsync", full)
                raise KeyboardInterrupt
            return super().take(numbers)

    with pytest.raises(training.Interrupted) as stop:
        fit(path, windows=Late())
    monkeypatch.undo()
    text = str(stop.value)
    assert "at step 4 of 6" in text
    assert "not saved: [Errno 28] No space left on device" in text
    assert "a holds step 2" in text
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_the_bar_begins_when_the_first_steps_are_done(capsys):
    fit(progress=True, num_steps=30)
    shown = capsys.readouterr().err
    assert shown.startswith("training: compiling the training step ...")
    assert "30/30" in shown
