"""What the keys do to the open run."""

from msgspec.structs import replace

from engine.protocol import (
    Event,
    Failed,
    LearningRateChanged,
    MappingRequired,
    Open,
    Opened,
    OpenRun,
    OpenSavedRace,
    Pause,
    Rollback,
    SetLearningRate,
    Step,
    Stop,
    Train,
)
from tui.app_part import AppPart
from tui.dialogs import ask_for_line, confirm
from tui.engine_app import EngineApp
from tui.lab.state import race_again
from tui.state import RunState

RATE_FACTOR = 1.25
"""By how much a key changes the learning rate."""


class RunActions(AppPart):
    """The part of the app that trains, ends and changes the open run."""

    _asked_rate: float | None = None
    """The learning rate asked for last, until the engine has answered: the next key press goes on
    from there."""

    def action_train(self) -> None:
        """Train to the planned end, or on from there."""
        self.engine.send(Train())

    def action_train_for(self) -> None:
        """Ask how much more it is to train, until that is a length, and train on."""
        from tui.training_length import QUESTION, parse_length  # when it is asked

        def train(typed: str) -> None:
            if typed:
                self.engine.send(parse_length(typed))

        ask_for_line(self, QUESTION, train)

    def action_teach(self) -> None:
        """Open the form that teaches another text, or another share of it."""
        from tui.screens.teach import TeachScreen  # when it is opened

        if self.refuses_followed():
            return
        screen = TeachScreen(self.state, self.engine.send)
        self.push_screen(screen.data_bind(EngineApp.state))

    def _ask_to_map(self, required: MappingRequired) -> None:
        """Ask whether to teach a text without the characters that the model does not know."""
        # when it is asked
        from tui.screens.teach import TeachScreen
        from tui.teaching_text import mapping_question

        def answered(yes: bool) -> None:
            if yes:
                self.engine.send(replace(required.command, map_unknown=True))
                return
            for screen in self.screen_stack:
                if isinstance(screen, TeachScreen):
                    screen.refused()

        confirm(self, mapping_question(required), answered)

    def action_pause(self) -> None:
        """Pause after the current step."""
        self.engine.send(Pause())

    def action_skip(self) -> None:
        """After a failed step: train on without its batch."""
        self.engine.send(Train())

    def action_reopen(self) -> None:
        """After an error in the engine: open the run, or the race, as it was saved last."""
        raw, race = self.state.raw_opened, self.state.lab.raw_opened
        if race is not None and self.state.lab.is_open:
            begun = race.value.saving and self.state.lab.phase != "untrained"
            self.engine.send(OpenSavedRace(race.value.race) if begun else race_again(race.value))
        elif raw is not None:
            opened = raw.value
            on_disk = opened.step or (opened.saving and self.state.step)
            self.engine.send(OpenRun(opened.run) if on_disk else Open(opened.config))

    def action_rollback(self) -> None:
        """After a failed step: go on from the last save, at half the learning rate."""
        self.engine.send(Rollback())

    def action_step(self) -> None:
        """Take one step."""
        self.engine.send(Step())

    def action_end(self) -> None:
        """End the run here."""
        self.engine.send(Stop())

    def action_learning_rate(self, direction: int) -> None:
        """Multiply or divide the learning rate by `RATE_FACTOR`, from the next step on."""
        rate = self._asked_rate or self.state.learning_rate
        self._asked_rate = float(f"{rate * RATE_FACTOR**direction:.3g}")
        self.engine.send(SetLearningRate(self._asked_rate))

    def _handle_event(self, event: Event, state: RunState) -> None:
        super()._handle_event(event, state)
        match event:
            case MappingRequired():
                self._ask_to_map(event)
            case LearningRateChanged(_, rate) if rate != self._asked_rate:
                pass  # a later press waits for its answer
            case LearningRateChanged() | Opened() | Failed():
                self._asked_rate = None
            case _:
                pass
