"""What trials of a run that never was find, and what comes of teaching it, with fixed numbers."""

from math import exp, log2
from random import Random

from reading_along import PASSAGE, SUBLAYERS
from recording import PROMPT, evaluated, step_done

from engine.protocol import (
    HIGHEST_RATE,
    LOWEST_RATE,
    Event,
    Excerpt,
    LearningRateFound,
    Place,
    RateTried,
    StepInspected,
    Taught,
    TaughtAppeared,
    TaughtEvaluated,
    TensorUpdate,
)

STEPS = 100
FOUND = LearningRateFound(1, 0, 0.00811, 0.00245, 0.266, "tried all")
UNCLEAR = LearningRateFound(1, 0, 0.0, 0.0, 0.0351, "tried all")


def rates_tried(until: int = STEPS) -> list[RateTried]:
    """The loss falls from 4.17, most steeply at 0.008, and rises late."""
    dice = Random(1)
    tried = []
    for i in range(until):
        rate = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** (i / (STEPS - 1))
        smoothed = 2.5 + 1.67 / (1 + exp((i - 48) / 6)) + 0.03 * max(0, i - 82)
        tried.append(
            RateTried(1, i + 1, STEPS, rate, smoothed + 0.05 * (dice.random() - 0.5), smoothed)
        )
    return tried


def taught() -> list[Event]:
    """After step 500 a sentence is taught, and at step 550 a sample has it."""
    text = "the flobbet sings"
    return [
        Taught(500, text, 0.1),
        TaughtEvaluated(500, 4.21, 16),
        *map(step_done, range(501, 551)),
        evaluated(550, 1.8302),
        TaughtEvaluated(550, 0.97, 16),
        Excerpt(550, PROMPT, "\nThe king is dead, and the flobbet sings thee well.\n"),
        TaughtAppeared(550, text),
        *map(step_done, range(551, 561)),
    ]


def step_inspected(
    request: int = 1, *, text: str = PASSAGE[:65], row: int = 0, place: int = 64
) -> StepInspected:
    """The next step of the run: a row of its batch is `text` but for its last character."""
    dice = Random(place)
    before = [1 + 4 * dice.random() for _ in text[1:]]
    after = [bits - 0.5 * dice.random() + 0.1 for bits in before]
    before[place - 1], after[place - 1] = 2.31, 1.94
    names = [f"blocks.{b}.{name}" for b in (0, 1) for name in LAYERS]
    return StepInspected(
        request=request,
        step=1_241,
        learning_rate=0.0189,
        adam_learning_rate=0.00189,
        loss=1.6542,
        loss_after=1.6398,
        gradient_norm=0.4127,
        rows=(text[:-1], *(PASSAGE[i : i + len(text) - 1] for i in range(20, 35))),
        batch=32,
        context_length=len(text) - 1,
        row=row,
        text=text,
        place=place,
        before=_place(text[place], 2.31),
        after=_place(text[place], 1.94),
        bits_before=tuple(before),
        bits_after=tuple(after),
        sublayers=SUBLAYERS,
        tensors=tuple(_tensor(name) for name in ("embedding", *names, "head")),
    )


LAYERS = ("attention.qkv", "attention.output", "mlp.up", "mlp.output")


def _place(true: str, bits: float) -> Place:
    others = [other for other in " etaoinshr" if other != true][:9]
    rest = 1 - 2**-bits
    likely = [(true, 2**-bits), *((c, rest * 0.5 ** (n + 1)) for n, c in enumerate(others))]
    likely.sort(key=lambda pair: -pair[1])
    depths = tuple(tuple((c, p * depth / 3) for c, p in likely[:3]) for depth in (1, 2, 3))
    entropy = -sum(p * log2(p) for _, p in likely)
    return Place(true, bits, 2, entropy, tuple(likely), depths, (0.6, 0.9, 0.4, 1.3))


def _tensor(name: str) -> TensorUpdate:
    dice = Random(name)
    weight, muon = 4 + 12 * dice.random(), name.startswith("blocks")
    return TensorUpdate(
        name=f"{name}.weight",
        shape=(128, 128),
        optimizer="Muon" if muon else "Adam",
        gradient=0.02 + 0.2 * dice.random(),
        weight=weight,
        update=weight * (0.004 if muon else 0.0007) * (0.5 + dice.random()),
        against_gradient=(0.15 if muon else 0.4) + 0.2 * dice.random(),
    )
