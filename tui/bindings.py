"""The keys of the main screen, and when each of them acts."""

from textual.binding import Binding

from tui.state import RunState

BINDINGS = (
    # One of these acts: the footer says which.
    Binding("space", "pause", "pause"),
    Binding("space", "skip", "skip"),
    Binding("space", "reopen", "open again"),
    Binding("space", "train", "train"),
    Binding("b", "rollback", "back"),
    Binding("n", "step", "step"),
    Binding("x", "end", "end"),
    # Handled before any widget sees the key, so that what is typed right after it is already text.
    Binding("p", "prompt", "prompt", priority=True),
    Binding("tab", "prompt(True)", "Prompt", show=False, priority=True),
    Binding("v", "view", "view"),
    Binding("c", "new_run", "new run"),
    Binding("o", "runs", "saved runs"),
    Binding("w", "write", "again"),
    Binding("question_mark", "help", "help"),
    Binding("q", "quit", "quit"),
    Binding("u", "use_for_samples", "Use this prompt for the samples", show=False),
    Binding("l", "log_axis", "Linear or logarithmic steps", show=False),
    Binding("a", "whole_loss", "Loss: all of it, or the newest part, larger", show=False),
    Binding("ctrl+z", "suspend_process", "To the shell; fg comes back", show=False),
    Binding("escape", "leave", "Stop generating, leave the prompt", show=False),
    Binding("less_than_sign", "learning_rate(-1)", "Lower learning rate", show=False),
    Binding("greater_than_sign", "learning_rate(1)", "Higher learning rate", show=False),
    Binding("left_square_bracket", "turn(0, -1)", "Lower temperature", show=False),
    Binding("right_square_bracket", "turn(0, 1)", "Higher temperature", show=False),
    Binding("minus", "turn(1, -1)", "Smaller top-k", show=False),
    Binding("equals_sign", "turn(1, 1)", "Larger top-k", show=False),
    Binding("left_curly_bracket", "turn(2, -1)", "Lower top-p", show=False),
    Binding("right_curly_bracket", "turn(2, 1)", "Higher top-p", show=False),
    Binding("S", "turn(3, -1)", "Seed before", show=False),
    Binding("s", "turn(3, 1)", "Next seed", show=False),
)


def action_of(binding: Binding) -> str:
    """The name of a key's action, without arguments."""
    return binding.action.partition("(")[0]


def acts(action: str, state: RunState) -> bool | None:
    """Whether an action would do something now. False: another may have its key; None: its key
    does nothing at present."""
    engine_failed = state.failure is not None and state.failure.during == "engine"
    step_failed = state.phase == "failed" and not engine_failed
    opened = True if state.opened is not None else None
    # The engine carries out what is asked while it opens the run once the run is open.
    ours = True if state.phase != "following" else None
    match action:
        case "pause":
            return state.phase == "training"
        case "skip" | "rollback":
            return step_failed
        case "reopen":
            return engine_failed
        case "train":
            return False if state.phase in ("training", "failed") else ours
        case "step":
            return None if state.phase == "training" or engine_failed else ours
        case "end":
            stepped = state.phase in ("paused", "failed") and state.step > 0 and not engine_failed
            return True if state.phase == "training" or stepped else None
        case "learning_rate":
            return opened and ours
        case "new_run" | "runs":
            return opened
        case _:
            return True
