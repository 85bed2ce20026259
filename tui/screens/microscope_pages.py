"""The pages of the step microscope: pure functions of what was seen of a step."""

from collections.abc import Callable, Sequence
from math import exp, log
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from engine.protocol import StepInspected, TensorUpdate
from tui.drawing.passage import PassageLayout
from tui.drawing.words import bar, count, rate
from tui.microscope import change, is_adamw, matrix_optimizer, tensor_name, update_ratio
from tui.panes.token_pieces import in_turn
from tui.read.layers import layer_lines
from tui.read.next_character import with_true
from tui.read.pane import CURSOR, MUTED, TRUE, column, percent, picture, styled
from tui.read.passage import legend_of_tints, tint

NAME = 21
"""Cells for the name of a tensor."""

Draw = Callable[[StepInspected, int, int], list[Content]]


class Page(NamedTuple):
    """A page: its title, and what draws it for so many cells and lines."""

    title: str
    draw: Draw


def _batch(step: StepInspected, width: int, height: int) -> list[Content]:
    """Some rows of the batch."""
    about = (
        f"The batch: {count(step.batch)} rows of {count(step.context_length)} {step.noun}s, cut from "
        f"the text at random. At each {step.noun} the model has to predict the next one, from those "
        f"before it in the row: {count(step.batch * step.context_length)} predictions at once."
    )
    lines = [*_wrapped(about, width), Content("")]
    room = height - len(lines)
    first = max(0, min(step.row - room // 2, len(step.rows) - room))
    for number, text in list(enumerate(step.rows))[first : first + room]:
        chosen = number == step.row
        sign = Content.styled("▸ " if chosen else "  ", "bold $primary")
        row = Content.styled(text, "bold" if chosen else MUTED)
        if chosen and step.pieces:
            row = Content("").join(in_turn(step.pieces[:-1]))
        lines.append((sign + row).truncate(width, ellipsis=True))
    return lines


def _forward(step: StepInspected, width: int, height: int) -> list[Content]:
    """One place of a row, layer by layer."""
    lines = [
        *_passage(step, step.bits_before, width, min(4, height // 3)),
        Content(""),
        *_wrapped(
            f"The forward pass at one place of row {step.row + 1}: what the model would predict "
            "after the embedding, and after each block; on the right, how much attention and MLP add "
            f"there. The true next {step.noun} is {_quoted(step)}.",
            width,
        ),
        Content(""),
    ]
    return [*lines, *layer_lines(step.before, step.sublayers, width, height - len(lines))]


def _loss(step: StepInspected, width: int, height: int) -> list[Content]:
    """The surprise at each place, and the loss of the batch."""
    bits = step.before.bits or 0.0
    about = (
        f"The true {step.noun} {_quoted(step)} had a probability of {2**-bits:.1%}: a surprise of "
        f"{bits:.2f} bits, or {_nats(bits):.3f} nats. The loss is the mean over all "
        f"{count(step.batch * step.context_length)} predictions of the batch: {step.loss:.4f} nats, "
        f"as surprising as a choice among {exp(step.loss):.1f} {step.noun}s."
    )
    lines = [*_wrapped(about, width), Content("")]
    row = _passage(step, step.bits_before, width, height - len(lines) - 2)
    return [*lines, *row, Content(""), legend_of_tints()]


def _gradient(step: StepInspected, width: int, height: int) -> list[Content]:
    """The norm of each tensor's gradient."""
    about = (
        "Backwards through the model goes the question by how much each weight would change the "
        f"loss: the gradient. Its norm over all weights is {step.gradient_norm:.3f}; by tensor:"
    )
    most = max((tensor.gradient for tensor in step.tensors), default=0.0)
    room = max(0, width - NAME - 10)

    def row(tensor: TensorUpdate) -> Content:
        drawn = bar(tensor.gradient / most if most else 0.0, room)
        return Content.assemble(
            (f"{tensor_name(tensor)[:NAME]:{NAME}}", MUTED),
            f"{tensor.gradient:9.3g} ",
            (drawn, "$primary"),
        )

    return _table(about, "", step.tensors, row, width, height)


def _update(step: StepInspected, width: int, height: int) -> list[Content]:
    """What the optimizers make of the gradient."""
    how = (
        f"{matrix_optimizer(step)} (learning rate {rate(step.learning_rate)}) makes all directions of a "
        f"matrix change alike; Adam ({rate(step.adam_learning_rate)}) divides by the usual size of each number's "
        "gradient."
    )
    if is_adamw(step):
        how = (
            f"AdamW (learning rate {rate(step.learning_rate)}) divides by the usual size of each "
            "number's gradient, and pulls the matrices inside the blocks a little towards zero."
        )
    about = (
        f"{how} The bar: the update in parts of the weights. Cosine: how much it points against the "
        "gradient."
    )
    name_width = max(4, *(len(tensor.optimizer) for tensor in step.tensors))
    shares = [t.update / t.weight if t.weight else 0.0 for t in step.tensors]
    most = max(shares, default=0.0)
    room = max(0, width - NAME - name_width - 36)

    def row(tensor: TensorUpdate) -> Content:
        share = tensor.update / tensor.weight if tensor.weight else 0.0
        return Content.assemble(
            (f"{tensor_name(tensor)[:NAME]:{NAME}}", MUTED),
            (
                f"{tensor.optimizer:{name_width}}",
                "$accent" if "Muon" in tensor.optimizer else "$secondary",
            ),
            f"{tensor.update:9.3g}{tensor.weight:9.3g}{update_ratio(tensor):>10}"
            f"{tensor.against_gradient:7.2f} ",
            (bar(share / most if most else 0.0, room), "$primary"),
        )

    head = f"{'':{NAME + name_width}}{'update':>9}{'weight':>9}{'of weight':>10}{'cosine':>7}"
    return _table(about, head, step.tensors, row, width, height)


def _after(step: StepInspected, width: int, height: int) -> list[Content]:
    """The same prediction with the new weights."""
    pairs = list(zip(step.bits_before, step.bits_after, strict=True))
    better = sum(after < before for before, after in pairs)
    lines = [
        *_wrapped(f"{_quoted(step)}: {change(step)}.", width),
        *_wrapped(
            f"Of this row {better} of {len(pairs)} {step.noun}s became likelier. The loss of the whole "
            f"batch was {step.loss:.4f} and is {step.loss_after:.4f} after the update.",
            width,
        ),
        Content(""),
    ]
    true = step.before.character
    after = {**dict(step.after.next), true: 2 ** -(step.after.bits or 0.0)}
    likely = with_true(step.before, max(0, height - len(lines) - 1))
    names = column(text for text, _ in likely)
    wide = max((cell_len(name) for name in names), default=1)
    room = max(0, (width - 15 - wide) // 2)
    lines.append(Content.styled(f"{'':{wide + 2}}{'before':{room + 7}}after", MUTED))
    for name, (text, probability) in zip(names, likely, strict=True):
        drawn, now = bar(probability, room), after.get(text)
        line = Content.assemble(
            (name, TRUE if text == true else ""),
            f" {percent(probability)} ",
            (drawn, "$primary"),
            " " * (room - len(drawn)),
        )
        if now is not None:
            line += Content.assemble(f"  {percent(now)} ", (bar(now, room), "$secondary"))
        lines.append(line.truncate(width))
    return lines


def _passage(step: StepInspected, bits: Sequence[float], width: int, height: int) -> list[Content]:
    """The row, tinted by the surprise at each place, with the one that is looked at."""
    text = step.pieces or step.text
    layout = PassageLayout(text, width)
    styles = [tint(None), *map(tint, bits)]
    styles[step.place] = CURSOR
    first = layout.first_row(step.place, height)
    return [
        styled(text[places.start : places.stop], styles[places.start : places.stop])
        for places in layout.rows[first : first + height]
    ]


def _table(
    about: str,
    head: str,
    tensors: Sequence[TensorUpdate],
    row: Callable[[TensorUpdate], Content],
    width: int,
    height: int,
) -> list[Content]:
    """A paragraph and a line for each tensor; where there is no room for all, the first and last."""
    lines = [*_wrapped(about, width), Content("")]
    if head:
        lines.append(Content.styled(head, MUTED).truncate(width))
    rows = [row(tensor).truncate(width) for tensor in tensors]
    room = height - len(lines)
    if len(rows) > room >= 3:
        kept = (room - 1) // 2
        left_out = Content.styled(f"… {len(rows) - room + 1} more", MUTED)
        rows = [*rows[: room - 1 - kept], left_out, *rows[len(rows) - kept :]]
    return [*lines, *rows[: max(0, room)]]


def _wrapped(text: str, width: int) -> list[Content]:
    return Content(text).wrap(width)


def _quoted(step: StepInspected) -> str:
    """The true character or token, as quoted in a message."""
    return f"“{picture(step.before.character)}”"


def _nats(bits: float) -> float:
    return bits * log(2)


PAGES = (
    Page("the batch", _batch),
    Page("forward, layer by layer", _forward),
    Page("the loss", _loss),
    Page("the gradient", _gradient),
    Page("the update", _update),
    Page("afterwards", _after),
)
