"""An open race: its sides take turns on the one engine thread, by what is compared."""

from msgspec.structs import replace

from engine.config import SampleConfig
from engine.protocol import (
    Failed,
    InsightCommand,
    RaceOpened,
    RacePhase,
    RacePhaseChanged,
    RaceSide,
    RaceVerdict,
    Teach,
)
from engine.session.opened_run import OpenedRun, Reopen
from engine.session.race_record import RaceRecord
from engine.session.race_side import Side
from engine.session.race_turns import next_side
from engine.session.repetition_opener import RepetitionOpener
from engine.session.verdict import (
    RepetitionResult,
    measure_of,
    race_verdict,
    repetition_verdict,
)
from engine.storage.race_file import RaceInfo, with_run_renamed

ENDED = "This race has ended: each of its sides can be trained on as a run of its own."


class Race(OpenedRun):
    """Trains the sides of one repetition after the other. Towards the session it is an open run."""

    def __init__(
        self, info: RaceInfo, opener: RepetitionOpener, sides: list[Side], *, is_new: bool = True
    ) -> None:
        """`sides`: of the last repetition of `info`, whose runs are open. `is_new`: whether that
        repetition begins now."""
        self._opener = opener
        self._emit = opener.emit
        self._sides = sides
        self._turn = sides[0]
        self._record = RaceRecord(
            opener.race, info, opener.emit, saves=opener.saving, is_new=is_new
        )
        self._training = False
        self._stopped = False
        self._reported_phase: RacePhase = "untrained"
        self.context = sides[0].run.context
        self._measure = measure_of([side.run.context.tokens for side in sides])

    @property
    def name(self) -> str:
        return self._record.name

    @property
    def _info(self) -> RaceInfo:
        return self._record.info

    @_info.setter
    def _info(self, info: RaceInfo) -> None:
        self._record.info = info

    def find(self, name: str) -> OpenedRun | None:
        return next((side.run for side in self._sides if side.run.name == name), None)

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
        self._begin()
        self._report_phase()

    def _begin(self) -> None:
        """Report the sides and what they have come to, and evaluate what is due."""
        self._report_opened()
        for side in self._sides:
            side.run.begin()
        if self._info.verdict is not None:
            self._emit(self._info.verdict)
        if not self._info.repetitions[-1].losses:
            self._report_verdict()  # of evaluations since the race was saved: it was killed

    def _report_opened(self) -> None:
        info, repetition = self._info, self._info.repetitions[-1]
        sides = tuple(
            RaceSide(side.label, name, side.run.config, settings, side.characters_each)
            for side, name, settings in zip(
                self._sides, repetition.runs, info.settings, strict=True
            )
        )
        number = len(info.repetitions)
        unit, counted, *_ = self._measure
        about = (self.name, info.question, info.axis, sides, number, info.seeds)
        self._emit(RaceOpened(*about, self._opener.saving, unit, counted))
        for side in self._sides:
            side.release()

    def tick(self) -> None:
        """One slice of work of the side whose turn it is; after the last one, the verdict."""
        if not (self._training and self._all_over):
            self._turn = side = next_side(self._sides, self._turn, self._info.axis)
            before = (len(side.marks), side.failed)
            side.run.tick()
            if side.not_saved:
                side.not_saved = False
                self.pause()
            if before != (len(side.marks), side.failed):
                self._report_verdict()
        if self._training and self._all_over:
            self._end_repetition()
        self._report_phase()

    def _report_phase(self) -> None:
        """Report the phase, if it has changed."""
        if self._phase != self._reported_phase:
            self._reported_phase = self._phase
            self._emit(RacePhaseChanged(self._phase))

    @property
    def _phase(self) -> RacePhase:
        if self._info.ended:
            return "done"
        if self._training:
            return "training"
        begun = len(self._info.repetitions) > 1 or any(side.run.trained for side in self._sides)
        return "paused" if begun else "untrained"

    def _report_verdict(self) -> None:
        """Report what is known of the sides, if that has changed."""
        before, verdict = self._info.verdict, self._repetition_verdict()
        if verdict.mark > 0 and (
            before is None or (before.mark, before.losses) != (verdict.mark, verdict.losses)
        ):
            self._info = replace(self._info, verdict=verdict)
            self._emit(verdict)

    def _repetition_verdict(self) -> RaceVerdict:
        failed = [side.failed for side in self._sides]
        marks = [side.marks for side in self._sides]
        return repetition_verdict(marks, self._info.axis, failed, self._measure)

    def _end_repetition(self) -> None:
        """Note the result of a repetition of which all sides are over, and begin the next one."""
        for side in self._sides:
            side.know_windows()
        verdict = self._repetition_verdict()
        *before, repetition = self._info.repetitions
        repetitions = (*before, replace(repetition, mark=verdict.mark, losses=verdict.losses))
        if before:
            results = [RepetitionResult(one.mark, one.losses) for one in repetitions]
            verdict = race_verdict(results, self._info.axis, self._measure)
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
        repetitions = (*self._info.repetitions, repetition)
        self._record.begin_repetition(replace(self._info, repetitions=repetitions, verdict=None))
        self.context = self._turn.run.context
        self._begin()
        self.train()

    # Commands.

    def train(self, steps: int = 0, minutes: float = 0.0) -> None:
        """Train all sides to their planned end, repetition after repetition."""
        if steps or minutes or self._info.ended:
            self._emit(Failed(ENDED if self._info.ended else "A race ends as planned.", "open"))
        elif not self._training and self._start():
            self._training = True
            for side in self._going:
                side.run.train()
        self._report_phase()

    def _start(self) -> bool:
        """Whether the sides are saved, and can be trained."""
        for side in self._sides:
            side.not_saved = False  # they try it again
        return self._record.start(self._sides)

    @property
    def _going(self) -> list[Side]:
        return [side for side in self._sides if not side.over]

    def pause(self) -> None:
        self._training = False
        for side in self._sides:
            side.run.pause()
        self._report_phase()

    def step_once(self) -> None:
        """Take one step with each side."""
        if not self._info.ended and self._start():
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
        self._report_phase()

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
        """Its file has another name."""
        self._record.name = name
        self._opener = self._opener._replace(race=name)

    def run_renamed(self, run: str, name: str) -> None:
        """A saved run has another name: it may be of this race."""
        self._info = with_run_renamed(self._info, run, name)

    def annotate(self, note: str) -> None:
        raise ValueError("A race has a question, and no note.")

    def _refuse(self) -> None:
        """What is the same for all sides stays so."""
        self._emit(
            Failed("A race goes on as it was planned: open a side as a run to change it.", "train")
        )

    # Saving.

    def save(self) -> None:
        self.try_save()

    def try_save(self) -> bool:
        return self._record.save(self._sides)

    def close(self) -> None:
        """End the threads of all sides. A new repetition, no side of which was trained, is taken
        back."""
        self._record.take_back_untrained(self._sides)
        self._close_sides()

    def _close_sides(self) -> None:
        for side in self._sides:
            side.run.close()
