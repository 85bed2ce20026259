"""The app's theme: calm, with one colour for training and one for held-out text."""

from textual.theme import Theme

CLASSROOM = Theme(
    name="classroom",
    primary="#7fb4ca",  # training: its loss, progress
    accent="#e6a96b",  # held-out text: the validation loss
    secondary="#8a9a7b",
    success="#98bb6c",
    warning="#e6c384",
    error="#e46876",
    foreground="#dcd7ba",
    background="#16161d",
    surface="#1a1a22",
    panel="#2a2a37",
    dark=True,
    variables={
        "footer-key-foreground": "#7fb4ca",
        "border": "#3a3a4a",
        "border-blurred": "#3a3a4a",
        "input-cursor-background": "#dcd7ba",
        "input-cursor-foreground": "#16161d",
    },
)
