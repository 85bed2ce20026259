"""An open race: its sides take turns on the one engine thread, by what is compared."""

from contextlib import suppress

from msgspec.structs import replace

from engine.config import SampleConfig
from engine.protocol import (
    Failed,
    InsightCommand,
    RaceOpened,
    RaceSaved,
    RaceSide,
    RaceVerdict,
    Teach,
)
from engine.session.opened_run import OpenedRun, Reopen
from engine.session.race_side import Side
from engine.session.repetition_opener import RepetitionOpener
from engine.session.verdict import RepetitionResult, race_verdict, repetition_verdict
from engine.storage.race_file import RaceInfo, race_path, without_last_repetition, write_race

ENDED = "This race has ended: each of its sides can be trained on as a run of its own."


class Race(OpenedRun):
    """Trains the sides of one repetition after the other. Towards the session it is an open run."""

    def __init__(
        self, info: RaceInfo, opener: RepetitionOpener, sides: list[Side], *, is_new: bool = True
    ) -> None:
        """`sides`: of the last repetition of `info`, whose runs are open. `is_new`: whether that
        repetition begins now."""
        self._info = info
        self._opener = opener
        self._emit = opener.emit
        self._sides = sides
        self._turn = sides[0]
        self._is_new = is_new
        self._unsaved = is_new
        self._training = False
        self._stopped = False
        self.context = sides[0].run.context

    @property
    def name(self) -> str:
        return self._opener.race

    # Work.

    @property
    def timeout(self) -> float | None:
        if self._training and self._all_over:
            return 0.0
        timeouts = [side.run.timeout for side in self._sides]
        return min((seconds for seconds in timeouts if seconds is not None), default=None)

    @property
    def _all_over(self) -> bool:
        return all(side.over for side in self._sides)

    def begin(self) -> None:
        """Report the sides and what they have come to, and evaluate what is due."""
        self._report_opened()
        for side in self._sides:
            side.run.begin()
        if self._info.verdict is not None:
            self._emit(self._info.verdict)

    def _report_opened(self) -> None:
        info, repetition = self._info, self._info.repetitions[-1]
        sides = tuple(
            RaceSide(side.label, name, side.run.config, settings)
            for side, name, settings in zip(
                self._sides, repetition.runs, info.settings, strict=True
            )
        )
        number = len(info.repetitions)
        self._emit(
            RaceOpened(
                self.name, info.question, info.axis, sides, number, info.seeds, self._opener.saving
            )
        )
        for side in self._sides:
            side.release()

    def tick(self) -> None:
        """One slice of work of the side whose turn it is; after the last one, the verdict."""
        if not (self._training and self._all_over):
            self._turn = side = self._next_side()
            before = (len(side.marks), side.failed)
            side.run.tick()
            if side.not_saved:
                side.not_saved = False
                self.pause()
            if before != (len(side.marks), side.failed):
                self._report_verdict()
        if self._training and self._all_over:
            self._end_repetition()

    def _report_verdict(self) -> None:
        """Report what is known of the sides, if that has changed."""
        before, verdict = self._info.verdict, self._repetition_verdict()
        if verdict.mark > 0 and (
            before is None or (before.mark, before.losses) != (verdict.mark, verdict.losses)
        ):
            self._info = replace(self._info, verdict=verdict)
            self._emit(verdict)

    def _next_side(self) -> Side:
        """The side that works next: the one that has begun something; else one that has little
        left; else, of those in training, the one that is behind."""
        if not self._turn.run.between_steps:
            return self._turn
        finishing = [side for side in self._sides if side.run.is_finishing]
        if finishing:
            return finishing[0]
        axis = self._info.axis
        training = [side for side in self._sides if side.run.wants_turns]
        if training:
            return min(training, key=lambda side: side.position(axis))
        waiting = [side for side in self._sides if side.run.timeout == 0.0]
        return waiting[0] if waiting else self._turn

    def _repetition_verdict(self) -> RaceVerdict:
        failed = [side.failed for side in self._sides]
        return repetition_verdict([side.marks for side in self._sides], self._info.axis, failed)

    def _end_repetition(self) -> None:
        """Note the result of a repetition of which all sides are over, and begin the next one."""
        for side in self._sides:
            if not (side.failed or side.marks[-1].windows):
                side.marks[-1] = side.marks[-1]._replace(windows=side.run.windows())
        verdict = self._repetition_verdict()
        *before, repetition = self._info.repetitions
        repetitions = (*before, replace(repetition, mark=verdict.mark, losses=verdict.losses))
        if before:
            results = [RepetitionResult(one.mark, one.losses) for one in repetitions]
            verdict = race_verdict(results, self._info.axis)
        verdict = replace(verdict, final=self._stopped or len(repetitions) >= self._info.seeds)
        self._info = replace(self._info, repetitions=repetitions, verdict=verdict)
        self._training = False
        self._emit(verdict)
        if self.try_save() and not verdict.final:
            self._begin_next_repetition()

    def _begin_next_repetition(self) -> None:
        """Close the sides, and open those of the next repetition. If that fails, the ones that have
        ended stay: to train on tries it again."""
        self._close_sides()
        try:
            repetition, self._sides = self._opener.fresh(len(self._info.repetitions))
        except ValueError as error:
            self._emit(Failed(f"The next repetition cannot be opened: {error}", "open"))
            return
        self._turn = self._sides[0]
        self._is_new = self._unsaved = True
        self._info = replace(
            self._info, repetitions=(*self._info.repetitions, repetition), verdict=None
        )
        self.context = self._turn.run.context
        self.begin()
        self.train()

    # Commands.

    def train(self, steps: int = 0, minutes: float = 0.0) -> None:
        """Train all sides to their planned end, repetition after repetition."""
        if steps or minutes or self._info.ended:
            self._emit(Failed(ENDED if self._info.ended else "A race ends as planned.", "open"))
        elif not self._training and self._start_saving():
            self._training = True
            for side in self._going:
                side.run.train()

    @property
    def _going(self) -> list[Side]:
        return [side for side in self._sides if not side.over]

    def pause(self) -> None:
        self._training = False
        for side in self._sides:
            side.run.pause()

    def step_once(self) -> None:
        """Take one step with each side."""
        if not self._info.ended and self._start_saving():
            for side in self._going:
                side.run.step_once()

    def end(self) -> None:
        """End the race here, with a last evaluation of each side and the verdict."""
        if self._info.ended or not all(side.run.trained for side in self._sides):
            self.pause()
            return
        self._stopped = self._training = True
        for side in self._going:
            side.run.end()

    def roll_back(self, reopen: Reopen) -> None:
        self._refuse()

    def set_learning_rate(self, learning_rate: float) -> None:
        self._refuse()

    def teach(self, command: Teach) -> None:
        self._refuse()

    def sample(self, sample_id: int, prompt: str, config: SampleConfig, step: int) -> None:
        for side in self._sides:
            side.run.sample(sample_id, prompt, config, step)

    def stop_sample(self) -> None:
        for side in self._sides:
            side.run.stop_sample()

    def inspect(self, command: InsightCommand) -> None:
        self._emit(
            Failed("To look inside a side of a race, open it as a run.", "inspect", command.request)
        )

    def set_excerpt_prompt(self, prompt: str) -> None:
        for side in self._sides:
            side.run.set_excerpt_prompt(prompt)

    def rename(self, name: str) -> None:
        raise ValueError("A race keeps its name.")

    def annotate(self, note: str) -> None:
        raise ValueError("A race has a question, and no note.")

    def _refuse(self) -> None:
        """What is the same for all sides stays so."""
        self._emit(
            Failed("A race goes on as it was planned: open a side as a run to change it.", "train")
        )

    # Saving.

    def _start_saving(self) -> bool:
        """Have all sides on the disk before one of them trains, so that what is saved of a race is
        complete; False if that failed, which is reported."""
        if self._unsaved and self._opener.saving:
            each = [side.run.keep() for side in self._sides]
            self._unsaved = not (all(each) and self._write())
        return not (self._unsaved and self._opener.saving)

    def save(self) -> None:
        self.try_save()

    def try_save(self) -> bool:
        each = [side.run.try_save() for side in self._sides]  # also after one that failed
        saved = all(each)
        if not self._opener.saving:
            self._emit(RaceSaved(self.name, ""))
        elif not self._unsaved:
            saved = saved and self._write()
            if saved:
                self._emit(RaceSaved(self.name, str(race_path(self.name))))
        return saved

    def _write(self) -> bool:
        try:
            write_race(self.name, self._info)
        except OSError as error:
            where = error.filename or race_path(self.name)
            self._emit(Failed(f"The race could not be saved: {where}: {error.strerror}.", "save"))
            return False
        return True

    def close(self) -> None:
        """End the threads of all sides. A new repetition, no side of which was trained, is taken
        back."""
        if self._is_new and not any(side.run.trained for side in self._sides):
            with suppress(OSError):  # it is saved with all sides at step 0 then
                if not self._unsaved:
                    without_last_repetition(self.name, self._info)
                for side in self._sides:
                    side.run.forsake()
        self._close_sides()

    def _close_sides(self) -> None:
        for side in self._sides:
            side.run.close()
