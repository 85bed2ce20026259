"""The keys of the main screen, and when each of them acts."""

from textual.binding import Binding

from tui.state import RunState
from tui.views import VIEWS

# The label is for the line of keys, the tooltip for the command palette; a key that the line does
# not show has one description for both.
BINDINGS = (
    # One of these acts: the footer says which.
    Binding("space", "pause", "pause", tooltip="Pause training"),
    Binding("space", "skip", "skip", tooltip="Skip the failed step and train on"),
    Binding("space", "reopen", "open again", tooltip="Open the run again as it was last saved"),
    Binding("space", "train", "train", tooltip="Start training"),
    Binding("b", "rollback", "back", tooltip="Go back to the last save, at half the learning rate"),
    Binding("n", "step", "step", tooltip="Take one step of training"),
    Binding("x", "end", "end", tooltip="End the run with a last evaluation"),
    # Handled before any widget sees the key, so that what is typed right after it is already text.
    Binding("p", "prompt", "prompt", tooltip="Write a prompt", priority=True),
    Binding("tab", "prompt(True)", "Prompt", show=False, priority=True),
    Binding("v", "view", "view", tooltip="Show the next pane in this place"),
    Binding("c", "new_run", "new run", tooltip="Start a new run…"),
    Binding("o", "runs", "saved runs", tooltip="Open a saved run…"),
    Binding("z", "enlarge", "large", tooltip="Make one pane as large as the window"),
    Binding("z", "shrink", "all panes", tooltip="Show all panes again"),
    Binding("w", "write", "again", tooltip="Answer the prompt again"),
    Binding("question_mark", "help", "help", tooltip="Show the help"),
    Binding("q", "quit", "quit", tooltip="Save and quit"),
    Binding("T", "train_for", "Train on for a number of steps or minutes…", show=False),
    Binding("k", "teach", "Teach the run another text…", show=False),
    Binding("u", "use_for_samples", "Use this prompt for the samples", show=False),
    Binding("C", "show_copy", "Show where in the text the answer is copied from", show=False),
    # The same from the prompt, where C is text.
    Binding("ctrl+o", "show_copy", "Show the same", show=False, priority=True),
    Binding("l", "log_axis", "Switch the chart between linear and logarithmic steps", show=False),
    Binding("L", "x_unit", "Switch the chart between steps, characters and seconds", show=False),
    Binding("left", "chart_cursor(-1)", "Read the chart: move its cursor back", show=False),
    Binding("right", "chart_cursor(1)", "Read the chart: move its cursor on", show=False),
    Binding("a", "whole_loss", "Show the whole fall of the loss, or its newest part", show=False),
    Binding("ctrl+z", "suspend_process", "To the shell; fg comes back", show=False),
    Binding("escape", "leave", "Stop generating or reading, leave the prompt", show=False),
    Binding("less_than_sign", "learning_rate(-1)", "Lower the learning rate", show=False),
    Binding("greater_than_sign", "learning_rate(1)", "Raise the learning rate", show=False),
    Binding("left_square_bracket", "change_setting(0, -1)", "Lower the temperature", show=False),
    Binding("right_square_bracket", "change_setting(0, 1)", "Raise the temperature", show=False),
    Binding("minus", "change_setting(1, -1)", "Lower top-k", show=False),
    Binding("equals_sign", "change_setting(1, 1)", "Raise top-k", show=False),
    Binding("left_curly_bracket", "change_setting(2, -1)", "Lower top-p", show=False),
    Binding("right_curly_bracket", "change_setting(2, 1)", "Raise top-p", show=False),
    Binding("left_parenthesis", "change_setting(3, -1)", "Write shorter answers", show=False),
    Binding("right_parenthesis", "change_setting(3, 1)", "Write longer answers", show=False),
    Binding("S", "change_setting(4, -1)", "Use the previous seed", show=False),
    Binding("s", "change_setting(4, 1)", "Use the next seed", show=False),
    Binding("W", "rewrite", "Answer again whenever a setting changes: on or off", show=False),
    Binding("m", "microscope", "Look at the next step under the microscope", show=False),
    Binding("r", "find_rate", "Find a learning rate", show=False),
    Binding("t", "tour", "Take the tour, or close it", show=False),
    Binding("g", "guess", "Guess what this page of the tour asks", show=False),
    Binding("N", "turn_page(1)", "To the next page of the tour", show=False),
    Binding("B", "turn_page(-1)", "To the page of the tour before", show=False),
    *(Binding(str(view.number), f"go({view.number})", view.about, show=False) for view in VIEWS),
)

ONLY_IN_TRAIN = frozenset(
    (
        *("view", "enlarge", "shrink", "write", "rewrite", "use_for_samples", "show_copy"),
        *("log_axis", "x_unit", "whole_loss", "chart_cursor"),
        *("microscope", "find_rate"),
    )
)
"""Actions on the first view; in the others their keys are free."""

CHANGES = frozenset(("new_run", "runs", "fork", "ask_question", "own_sides"))
"""Actions that lead to other texts and runs, and to what changes them."""


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
        case "train" | "step" if state.lab.is_open and state.phase == "done":
            return None
        case "train":
            return False if state.phase in ("training", "failed") else ours
        case "step":
            return None if state.phase == "training" or engine_failed else ours
        case "end":
            stepped = state.phase in ("paused", "failed") and state.step > 0 and not engine_failed
            return True if state.phase == "training" or stepped else None
        case "learning_rate" | "train_for":
            return opened and ours
        case "microscope" | "find_rate" | "teach":
            return None if engine_failed else opened
        case "new_run" | "runs" | "ask_question" | "own_sides":
            return opened
        case _:
            return True
