"""What a sweep has found: mean and spread of each case, and which is best."""

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from msgspec import Struct
from msgspec.structs import replace

from engine.config import SECTIONS
from engine.protocol import SweepCase, SweepPlan, TrialResult

_DIFFERENCES = (
    ("text", "", "text", "it has changed meanwhile, so losses cannot be compared"),
    ("device", "train.device", "device", "their times cannot be compared"),
    ("precision", "train.precision", "precision", "set train.precision to have one for all"),
    ("threads", "train.threads", "threads", "their times cannot be compared"),
    (
        "evaluated",
        "train.val_characters",
        "number of held-out characters that were read",
        "set train.val_characters to have one number for all",
    ),
)
"""Fields of results that ought to be the same for all: the setting that may differ on purpose, what
the field is called, and what follows."""


_SECTION = re.compile(rf"\b(?:{'|'.join(SECTIONS)})\.")


class CaseResult(Struct, frozen=True, tag=True):
    """A row of the table."""

    case: str
    settings: dict[str, str]  # by their dotted keys
    n: int  # runs that have ended with a loss
    diverged: int
    failed: int
    mean: float | None  # validation loss at the end, in nats a token; None: no run has one
    deviation: float | None  # standard deviation over the seeds; None: fewer than two
    seconds: float | None  # of training, the mean
    best: bool = False
    runs: tuple[str, ...] = ()  # of those that have a loss
    bits_per_byte: float | None = None  # the mean loss in these; None: not known
    bits_deviation: float | None = None

    def ranked_by(self, *, bits: bool) -> tuple[float | None, float | None]:
        """The mean and its deviation, in nats a token or in `bits` per byte."""
        if bits:
            return self.bits_per_byte, self.bits_deviation
        return self.mean, self.deviation


class SweepVerdict(Struct, frozen=True, tag=True):
    """The conclusion of the table, as a message."""

    sentence: str
    warnings: tuple[str, ...] = ()  # what else differs between the runs


def short_label(label: str) -> str:
    """The label of a case without the sections of its settings, where there is little room."""
    return _SECTION.sub("", label)


def in_bits(plan: SweepPlan) -> bool:
    """Whether its cases are compared in bits per byte: their tokens are not the same."""
    keys = ("model.tokenizer", "model.vocabulary")
    tokens = {tuple(dict(_parted(case)).get(key, "") for key in keys) for case in plan.cases}
    return len(tokens) > 1


def compared(plan: SweepPlan, results: Mapping[str, TrialResult]) -> list[CaseResult]:
    """A row for each case: the lowest mean loss first, those without one last. `results`: by the keys
    of the runs."""
    rows, bits = [_row(case, results) for case in plan.cases], in_bits(plan)

    def rank(row: CaseResult) -> tuple[bool, float]:
        mean, _ = row.ranked_by(bits=bits)
        return mean is None, mean or 0.0

    rows.sort(key=rank)
    if rows[0].ranked_by(bits=bits)[0] is not None:
        rows[0] = replace(rows[0], best=True)
    return rows


def _row(case: SweepCase, results: Mapping[str, TrialResult]) -> CaseResult:
    known = [results[key] for key in case.trials if key in results]
    done = [one for one in known if one.state == "done" and one.loss is not None]
    losses = [one.loss for one in done if one.loss is not None]
    bits = [one.bits_per_byte for one in done if one.bits_per_byte is not None]
    return CaseResult(
        case=case.label,
        settings=dict(_parted(case)),
        n=len(done),
        diverged=sum(one.state == "diverged" for one in known),
        failed=sum(one.state == "failed" for one in known),
        mean=fmean(losses) if losses else None,
        deviation=stdev(losses) if len(losses) > 1 else None,
        seconds=fmean(one.seconds for one in done) if done else None,
        runs=tuple(one.run for one in done),
        bits_per_byte=fmean(bits) if bits and len(bits) == len(losses) else None,
        bits_deviation=stdev(bits) if len(bits) == len(losses) > 1 else None,
    )


def _parted(case: SweepCase) -> Iterator[tuple[str, str]]:
    for assignment in case.settings:
        key, _, value = assignment.partition("=")
        yield key, value


def verdict(
    plan: SweepPlan, rows: Sequence[CaseResult], results: Mapping[str, TrialResult]
) -> SweepVerdict:
    """What the rows of `compared` say."""
    return SweepVerdict(_sentence(plan, rows), tuple(_warnings(plan, results)))


def _sentence(plan: SweepPlan, rows: Sequence[CaseResult]) -> str:
    bits = in_bits(plan)
    ranked = [
        (mean, deviation, row.case)
        for row, (mean, deviation) in ((row, row.ranked_by(bits=bits)) for row in rows)
        if mean is not None
    ]
    if not ranked:
        return "No run has ended with a loss yet."
    unit = " bits per byte" if bits else ""
    best = f"Lowest mean loss at the end: {ranked[0][0]:.4f}{unit}, with {ranked[0][2]}"
    if len(ranked) == 1:
        return f"{best}; no other case has one yet."
    (lowest, *_), (next_lowest, _, second) = ranked[:2]
    difference = next_lowest - lowest
    gap = f"{best}; next is {second}, {difference:.4f} higher"
    spreads = [deviation for _, deviation, _ in ranked[:2] if deviation is not None]
    if not spreads and plan.seeds > 1:
        return f"{gap}. With one run each so far, the spread between seeds is not known yet."
    if not spreads:
        return f"{gap}. With one run each, the spread between seeds is not known: set seeds = 3."
    spread = max(spreads)
    if difference < spread:
        return (
            f"{gap}, which is less than the spread between seeds ({spread:.4f}): this does not show "
            "which of the two is better."
        )
    return f"{gap}, {difference / max(spread, 1e-9):.1f} times the spread between seeds ({spread:.4f})."


def _warnings(plan: SweepPlan, results: Mapping[str, TrialResult]) -> Iterator[str]:
    known = [results[key] for case in plan.cases for key in case.trials if key in results]
    done = [result for result in known if result.state == "done"]
    varied = {key for case in plan.cases for key, _ in _parted(case)}
    for field, setting, called, advice in _DIFFERENCES:
        if field == "evaluated" and in_bits(plan):  # other tokens are another number of them
            continue
        values = {getattr(result, field) for result in done} - {"", 0}
        if len(values) > 1 and setting not in varied:
            shown = "" if field == "text" else f" ({' and '.join(map(str, sorted(values)))})"
            yield f"The runs differ in their {called}{shown}: {advice}."
