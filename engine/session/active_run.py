"""A run that this program trains: what it does in one tick, and what commands change."""

from typing import TYPE_CHECKING

from engine.config import RunConfig, SampleConfig
from engine.protocol import Event, Failed, StepProgress, Teach
from engine.session.evaluator import Evaluator
from engine.session.ladder import Ladder
from engine.session.moment_keeper import MomentKeeper
from engine.session.opened_run import SLICE, Clock, Emit, OpenedRun, Reopen
from engine.session.run_state import Ending, RunState
from engine.session.saver import Saver
from engine.session.stepper import NextStep, Stepper
from engine.session.teacher import Teacher
from engine.session.thread_choice import ThreadChoice
from engine.storage.manifest import Progress
from engine.storage.recorder import Recorder
from engine.training.schedule import Position

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from engine.session.context import RunContext


class ActiveRun(OpenedRun):
    """Trains, evaluates, samples and saves one run."""

    def __init__(
        self,
        context: "RunContext",
        recorder: Recorder,
        ladder: Ladder,
        config: RunConfig,
        progress: Progress,
        emit: Emit,
        clock: Clock,
    ) -> None:
        self.context = context
        self._trainer = context.trainer
        self._trainer.learning_rate = progress.learning_rate
        self._recorder = recorder
        self._ladder = ladder
        self._emit_event = emit
        self._clock = clock
        self._sampling_due = 0.0
        self._state = RunState(config, progress, self._emit)
        self._teacher = Teacher(context, self._state, self._emit, clock)
        self._saver = Saver(recorder, self._state, self._emit, clock)
        weights, length = context.trainer.model.state_dict, self._context_length
        self._moments = MomentKeeper(recorder, self._state, weights, length, emit, clock)
        self._stepper = Stepper(context.trainer, clock)
        self._threads = ThreadChoice(context, progress.elapsed, self._emit, clock)
        self._evaluator = Evaluator(context.trainer, context.tokens, self._emit, clock)
        self._samples = context.sample_streams(config.sample, length, self._emit)
        self._models = context.moment_models(length, self._moments.found)
        self._inspector = context.inspector(self._models, emit, self._next_step)

    @property
    def name(self) -> str:
        return self._recorder.name

    @property
    def _position(self) -> Position:
        return self._state.position(self._evaluator.seconds)

    def _context_length(self) -> int:
        return self._state.plan.context_length(self._position)

    def _next_step(self) -> NextStep:
        """The step that is taken when training goes on."""
        plan = self._state.plan.extended(self._position, done=self._state.phase == "done")
        step = self._stepper.next(plan, self._position)
        return step._replace(skips=self._state.phase == "failed")

    def _emit(self, event: Event) -> None:
        """Emit an event, and add it to the run's history."""
        self._recorder.record(event)
        self._emit_event(event)
        self._teacher.look_at(event)

    # Work.

    @property
    def timeout(self) -> float | None:
        busy = (
            self._state.step_is_due
            or self._evaluator.active
            or self._teacher.active
            or self._state.ending is Ending.SAVING
            or self._samples.active
            or self._inspector.active
            or self._ladder.active
        )
        return 0.0 if busy else None

    def begin(self) -> None:
        """Evaluate if that is due: before the first step, or after a step that was saved before its
        evaluation."""
        self._moments.report()
        if self._state.evaluation_is_due:
            self._start_evaluation()

    def tick(self) -> None:
        """One slice of a training step or of an evaluation, then as long again for sampling, which
        may take several ticks. In between, or while nothing is trained, the ladder is measured."""
        began = self._clock()
        busy = self._sampling_due > 0 and not self._inspector.holds_training
        if not busy:
            busy = self._work()
            self._sampling_due = self._clock() - began if busy else SLICE
        seconds = min(SLICE, self._sampling_due)
        self._samples.generate(seconds)
        self._sampling_due = self._sampling_due - seconds if self._samples.active else 0.0
        self._inspector.work()
        quiet = not (busy or self._samples.active or self._inspector.active)
        self._ladder.advance(idle=quiet)
        if busy:
            self._state.add_elapsed(self._clock() - began)
        self._moments.keep_up()
        if self._state.ending is Ending.SAVING and not self._samples.excerpt_active:
            self._state.ending = Ending.NOTHING
            self.try_save()
        self._saver.keep_up()

    def _work(self) -> bool:
        """Train or evaluate; False if neither is due, or a trial goes first."""
        if self._inspector.holds_training:
            return False
        if self._teacher.active:
            if self._teacher.advance() and not self._evaluator.active:
                self._saver.checkpoint_if_writing()
        elif self._evaluator.active:
            self._evaluate_slice()
        elif self._state.step_is_due:
            self._step()
        else:
            return False
        return True

    def _step(self) -> None:
        if not self._stepper.active:
            if not self._saver.prepare_step():
                return
            self._moments.keep_first()
            if self._threads.measure(self._state.step, self._state.progress.elapsed):
                return
            self._stepper.start(self._state.plan, self._position)
        try:
            done = self._stepper.advance(self._state.plan, self._position)
        except ArithmeticError as error:
            self._state.single_steps = 0
            self._state.set_phase("failed")
            self._emit(Failed(str(error), "train"))
            return
        if isinstance(done, StepProgress):
            self._emit_event(done)
        elif done is not None:
            self._state.advance_to(done.step)
            self._emit(done)
            after = self._position._replace(elapsed=done.elapsed, step_seconds=done.seconds)
            self._after_step(after)

    def _after_step(self, position: Position) -> None:
        state = self._state
        if state.single_steps:
            state.single_steps -= 1
            state.set_phase("paused")
            if not state.single_steps:
                self._saver.checkpoint()
        if state.plan.is_over(position):
            self._finish()
        elif state.evaluation_is_due:
            self._start_evaluation()
        else:
            self._moments.step_taken()
            self._samples.step_taken(state.step)

    def _start_evaluation(self) -> None:
        self._teacher.start_evaluation(self._context_length())
        self._evaluator.start(self._context_length())

    def _evaluate_slice(self) -> None:
        evaluated = self._evaluator.advance(self._state.progress.elapsed)
        if evaluated is None:
            return
        self._state.add_evaluation(evaluated.loss)
        self._emit(evaluated)
        self._samples.start_excerpt(evaluated.step)
        if self._state.ending is Ending.EVALUATING:
            self._finish()
        else:
            self._saver.checkpoint_if_writing()
        self._moments.evaluated()

    def _finish(self) -> None:
        """End the run, after an evaluation of the weights as they are."""
        state = self._state
        if state.progress.evaluated != state.step:
            state.ending = Ending.EVALUATING
            if not self._evaluator.active:
                self._start_evaluation()
            return
        state.ending = Ending.NOTHING
        state.set_phase("done")
        if self._saver.start_writing():
            self._recorder.dirty = True  # no checkpoint says yet that the run is done
            state.ending = Ending.SAVING

    # Commands.

    def train(self, steps: int = 0, minutes: float = 0.0) -> None:
        """Train on. A run that has reached its end is extended; any other only by `steps` or
        `minutes`."""
        if steps or minutes:
            self._stepper.abandon()  # the plan, and with it the learning rate, changes
        if not self._state.is_training or steps or minutes:
            self._state.single_steps = 0
            self._prepare_to_continue(steps, minutes)
            self._state.set_phase("training")

    def pause(self) -> None:
        """Stop training, and save. A step in progress is completed when training goes on."""
        self._state.single_steps = 0
        if self._state.is_training:
            self._state.set_phase("paused")
            self._saver.checkpoint_if_writing()

    def step_once(self) -> None:
        """Take one step; nothing while it trains anyway."""
        if self._state.phase != "training":
            self._prepare_to_continue()
            self._state.single_steps += 1
            if self._state.phase in ("failed", "done"):  # the next command must not extend it again
                self._state.set_phase("paused")

    def end(self) -> None:
        """End the run here, with a last evaluation."""
        self._state.single_steps = 0
        self._stepper.abandon()
        if self._state.phase in ("training", "paused", "failed"):
            if self._state.step:
                self._finish()
            else:
                self._state.set_phase("untrained")

    def roll_back(self, reopen: Reopen) -> None:
        """Train on from the last checkpoint, at half the learning rate; later steps are dropped."""
        if not self._recorder.saves:
            self._emit(Failed("Nothing is saved here that could be returned to.", "train"))
            return
        opened = reopen()
        if isinstance(opened, ActiveRun):
            opened.set_learning_rate(self._state.progress.learning_rate / 2, keep=False)
            opened.train()

    def set_learning_rate(self, learning_rate: float, *, keep: bool = True) -> None:
        """Change the learning rate that the schedule scales. `keep`: also if it is not trained."""
        try:
            self._state.set_learning_rate(learning_rate)
            self._trainer.learning_rate = learning_rate
            if keep:
                self._saver.keep_change()
        except ValueError as error:
            self._emit(Failed(str(error), "train"))

    def teach(self, command: Teach) -> None:
        self._stepper.abandon()  # the batch changes
        self._teacher.teach(command, self._context_length())
        self._saver.keep_change()

    def _prepare_to_continue(self, steps: int = 0, minutes: float = 0.0) -> None:
        """Make another step possible: skip the batch that failed, extend a plan that is used up."""
        if self._state.phase == "failed":
            self._trainer.skip()
            self._state.skip_batch()
        self._state.extend(self._position, steps, minutes)

    def sample(self, sample_id: int, prompt: str, config: SampleConfig, step: int) -> None:
        self._sampling_due = SLICE  # it begins before training goes on
        super().sample(sample_id, prompt, config, step)

    def set_excerpt_prompt(self, prompt: str) -> None:
        self._samples.set_excerpt_prompt(prompt, self._state.step)

    def rename(self, name: str) -> None:
        self._recorder.rename(name)

    def annotate(self, note: str) -> None:
        self._recorder.annotate(note)

    def save(self) -> None:
        """Save now."""
        self.try_save()

    def try_save(self) -> bool:
        return self._saver.save()

    def close(self) -> None:
        self._saver.close()
        self.context.close()
