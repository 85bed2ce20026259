"""What became of taking a run elsewhere, or of one that has come here, in words. They are safe to
draw if the event is."""

from msgspec import Struct

from engine.protocol import Exported, Failed, Imported, Packed, Unpacked
from tui.drawing.words import count, counted, size


class Written(Struct, frozen=True):
    """A report was written."""

    run: str  # the names of its runs
    path: str
    bytes: int


Outcome = Exported | Packed | Unpacked | Imported | Written
Answer = Outcome | Failed
"""What is said in the end."""

SUFFIX = ".tinygpt"
"""How the name of a packed run ends."""


def outcome(event: Outcome) -> str:
    """What there is now, as a message for the user."""
    match event:
        case Exported(run, step, format_, path, number):
            return f"Exported {run} at step {count(step)} to {path} ({format_}, {size(number)})."
        case Packed(run, step, path, number):
            return f"Packed {run} at step {count(step)} into {path} ({size(number)})."
        case Written(run, path, number):
            return f"Reported {run} in {path} ({size(number)})."
        case Unpacked(run, step):
            return f"Unpacked as {run}, at step {count(step)}."
        case Imported(run, step, _, note):
            return f"Imported as {run}, at step {count(step)}. {note}"


def figures(exported: Exported) -> list[tuple[str, str]]:
    """What was written and how it compares with the run's own model: names and values."""
    lines = [
        ("run", f"{exported.run} at step {count(exported.step)}"),
        ("written", f"{exported.path} ({exported.format}, {size(exported.bytes)})"),
    ]
    if exported.largest_difference is not None:
        lines += [
            (
                "logits",
                f"largest difference {exported.largest_difference:.1e}, of up to "
                f"{exported.largest_logit:.1f}, over {counted(exported.characters, exported.noun)}",
            ),
            (
                "text",
                f"{exported.equal_prompts} of {exported.prompts} prompts continued equally, "
                f"{exported.written} greedy {exported.noun}s each",
            ),
        ]
    return lines
