"""The keys of the main screen."""

from textual.binding import Binding

BINDINGS = (
    Binding("space", "train", "train"),
    Binding("n", "step", "step"),
    Binding("x", "end", "end"),
    # Handled before any widget sees the key, so that what is typed right after it is already text.
    Binding("p", "prompt", "prompt", priority=True),
    Binding("tab", "prompt(True)", "Prompt", show=False, priority=True),
    Binding("c", "new_run", "new"),
    Binding("o", "runs", "open"),
    Binding("v", "view", "view"),
    Binding("question_mark", "help", "help"),
    Binding("q", "quit", "quit"),
    Binding("w", "write", "again"),
    Binding("u", "use_for_samples", "Use this prompt for the samples", show=False),
    Binding("l", "log_axis", "Linear or logarithmic steps", show=False),
    Binding("b", "rollback", "back", show=False),
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
