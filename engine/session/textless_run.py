"""A run that was imported without its text: it is prompted and looked inside, but not trained."""

from engine.protocol import Failed
from engine.session.active_run import ActiveRun
from engine.session.opened_run import NotTrainedHere


class TextlessRun(NotTrainedHere, ActiveRun):
    """What its model has written stands in the place of the text."""

    def _refuse(self) -> None:
        reason = (
            "The text of this run is not here, so it cannot be trained on: import its folder again "
            f"with --text FILE, or fork it with a text (tinygpt-tui FILE --fork {self.name})."
        )
        self._emit_event(Failed(reason, "open"))
