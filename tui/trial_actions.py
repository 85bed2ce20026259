"""What the keys do to look closely at the steps of the open run. It waits meanwhile, and goes on
afterwards as if nothing had been looked at."""

from msgspec.structs import replace

from engine.protocol import (
    Event,
    FindLearningRate,
    InspectStep,
    Pause,
    PhaseChanged,
    SetLearningRate,
    StopTrial,
    Train,
)
from tui.app_part import AppPart
from tui.engine_app import EngineApp
from tui.state import RunState
from tui.trial import Trial


class TrialActions(AppPart):
    """The part of the app that has trials made, and shows them."""

    _holds = False
    """Whether training was paused for a trial."""
    _goes_on = False
    """Whether it is to go on once the engine has paused."""

    def action_find_rate(self) -> None:
        """Find a learning rate: the range test."""
        from tui.screens.range_test import RangeTestScreen  # when it is opened

        if self.refuses_followed():
            return

        def left(rate: float | None) -> None:
            if rate is not None:
                self.engine.send(SetLearningRate(rate))
            self._go_on()

        self._hold()
        self._try(FindLearningRate(0), Trial())
        screen = RangeTestScreen(self.state)
        self.push_screen(screen.data_bind(EngineApp.state), left)

    def action_microscope(self) -> None:
        """Look closely at the next step."""
        from tui.screens.microscope import MicroscopeScreen  # when it is opened

        if self.refuses_followed():
            return

        def look(row: int, place: int) -> None:
            self._try(InspectStep(0, row, place), self.state.insight.trial)

        self._hold()
        self._try(InspectStep(0), Trial())
        screen = MicroscopeScreen(self.state, look)
        self.push_screen(screen.data_bind(EngineApp.state), lambda _: self._go_on())

    def _try(self, command: FindLearningRate | InspectStep, before: Trial) -> None:
        """Ask for a trial. `before`: what is shown until there is an answer."""
        insight = self.state.insight
        request = insight.requests + 1
        insight = replace(insight, requests=request, trial=replace(before, request=request))
        self.state = replace(self.state, insight=insight)
        self.engine.send(replace(command, request=request))

    def _hold(self) -> None:
        """Have training wait."""
        self._holds = self.state.phase == "training" or self._goes_on
        self._goes_on = False
        if self._holds:
            self.engine.send(Pause())

    def _go_on(self) -> None:
        """Give up a trial in progress, and train on if that was held."""
        self.engine.send(StopTrial())
        self._goes_on, self._holds = self._holds, False
        if self._goes_on and self.state.phase == "paused":
            self._train_on()

    def _train_on(self) -> None:
        self._goes_on = False
        self.engine.send(Train())

    def _handle_event(self, event: Event, state: RunState) -> None:
        super()._handle_event(event, state)
        match event:
            case PhaseChanged("paused") if self._goes_on:
                self._train_on()
            case PhaseChanged():  # it has ended before it could be paused
                self._goes_on = False
            case _:
                pass
