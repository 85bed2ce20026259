"""The file of an open race: which runs belong together, and what has come of them."""

from collections.abc import Sequence
from contextlib import suppress

from engine.protocol import Failed, RaceSaved
from engine.session.opened_run import Emit
from engine.session.race_side import Side
from engine.storage.race_file import RaceInfo, race_path, without_last_repetition, write_race


class RaceRecord:
    """Saves one race: its runs, then the file that names them."""

    def __init__(self, name: str, info: RaceInfo, emit: Emit, *, saves: bool, is_new: bool) -> None:
        """`is_new`: whether the last repetition of `info` begins now. `saves`: whether anything is
        written at all."""
        self.name = name
        self.info = info
        self._emit = emit
        self._saves = saves
        self._is_new = is_new
        self._on_disk = not is_new
        """Whether the runs of the last repetition are there."""

    def begin_repetition(self, info: RaceInfo) -> None:
        """Its last repetition begins now."""
        self.info = info
        self._is_new, self._on_disk = True, False

    def start(self, sides: Sequence[Side]) -> bool:
        """Have all sides on the disk before one of them trains, so that what is saved of a race is
        complete; False if that failed, which is reported."""
        if self._saves and not self._on_disk:
            each = [side.run.keep() for side in sides]
            self._on_disk = all(each) and self._write()
        return self._on_disk or not self._saves

    def save(self, sides: Sequence[Side]) -> bool:
        """Save what is unsaved; False if something of it failed, which is reported."""
        each = [side.run.try_save() for side in sides]  # also after one that failed
        saved = all(each)
        if not self._saves:
            self._emit(RaceSaved(self.name, ""))
        elif self._on_disk:
            saved = saved and self._write()
            if saved:
                self._emit(RaceSaved(self.name, str(race_path(self.name))))
        return saved

    def _write(self) -> bool:
        try:
            write_race(self.name, self.info)
        except OSError as error:
            where = error.filename or race_path(self.name)
            self._emit(Failed(f"The race could not be saved: {where}: {error.strerror}.", "save"))
            return False
        return True

    def take_back_untrained(self, sides: Sequence[Side]) -> None:
        """Take back a new repetition, no side of which was trained."""
        if self._is_new and not any(side.run.trained for side in sides):
            with suppress(OSError):  # it is saved with all sides at step 0 then
                if self._on_disk:
                    without_last_repetition(self.name, self.info)
                for side in sides:
                    side.run.discard()
