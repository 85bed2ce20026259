"""What the runs of a report were trained for: nothing in particular, a race, or a sweep."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple
from xml.etree.ElementTree import Element

from engine.protocol import (
    LABELS,
    RaceVerdict,
    RepetitionInfo,
    ReportedRace,
    ReportedRun,
    ReportGathered,
    SweepRead,
    Tokens,
)
from tui.drawing.words import count, counted, duration
from tui.lab.question import Question, in_common
from tui.lab.questions import question_titled
from tui.report.command import EXACT
from tui.report.figures import bits, bits_unit, is_mixed, loss
from tui.report.group_curves import Group, curves
from tui.report.html import element, section, table
from tui.report.race_command import race_command
from tui.sweep.comparison import CaseResult, compared, short_label, verdict

NOISE = {
    "seeds": "the standard deviation of the difference from seed to seed",
    "windows": (
        "its standard error over the windows of held-out text, which says nothing of what other seeds "
        "would give"
    ),
}


class About(NamedTuple):
    """What is said of all runs together."""

    title: str = ""
    """Empty: the names of the runs."""
    lede: str = ""
    found: Sequence[Element] = ()
    """What was asked and what came out, with the curves."""
    members: Mapping[str, str] = {}
    """What each run is of the whole: a side, or a case."""
    member: str = ""
    """What such a part is called."""
    characters_each: Mapping[str, float] = {}
    """What a token of a run counts for by characters, where that is known of what it is trained on."""
    again: Sequence[Element] = ()
    """How to train them all again."""


def about(gathered: ReportGathered) -> About:
    """What the runs were trained for."""
    if gathered.race is not None:
        return _race(gathered.race, gathered.runs)
    if gathered.sweep is not None:
        return _sweep(gathered.sweep, gathered.runs)
    return About()


# A race.


def _race(race: ReportedRace, runs: Sequence[ReportedRun]) -> About:
    question = question_titled(race.question)
    if question is not None and len(question.versions) != len(race.settings):
        question = None
    names = question.names if question else ("",) * len(race.settings)
    each = race.characters_each or [1.0] * len(names)
    groups = [
        Group(
            f"{label} {name}".strip(), tuple(one.runs[side] for one in race.repetitions), each[side]
        )
        for side, (label, name) in enumerate(zip(LABELS, names, strict=False))
    ]
    sides = counted(len(groups), "side")
    seeds = f", each with {race.seeds} seeds" if race.seeds > 1 else ""
    mixed = is_mixed(runs)
    by = runs[0].text.tokens.counted(mixed=mixed) if race.axis == "characters" else race.axis
    return About(
        f"Race {race.race}",
        f"A race of tinygpt-tui: {sides}, compared by {by}{seeds}. {in_common(mixed=mixed)}",
        [
            *_asked(race, question),
            _result(race, groups, question, runs[0].text.tokens, mixed=mixed),
            curves(groups, runs, race.axis),
        ],
        {run: group.name for group in groups for run in group.runs},
        "side",
        {run: group.characters_each for group in groups for run in group.runs} if mixed else {},
        [
            element("pre", race_command(race, runs), class_="command"),
            element("p", EXACT),
        ],
    )


def _asked(race: ReportedRace, question: Question | None) -> list[Element]:
    if not race.question:
        return []
    words = element("p", element("strong", race.question))
    return [element("blockquote", words, element("p", question.before) if question else None)]


def _result(
    race: ReportedRace,
    groups: Sequence[Group],
    question: Question | None,
    tokens: Tokens,
    *,
    mixed: bool,
) -> Element:
    """`tokens`: of a side, and those of all unless they are `mixed`."""
    found = race.verdict
    if found is None:
        said = ["It has not come to a verdict yet."]
    else:
        said = [found.sentence, *_noise(found)]
        said += [] if found.final else ["The race has not ended: this is how it stood."]
        said += [question.answer(found)] if question and found.final else []
    sides = _sides(race, groups, tokens, mixed=mixed)
    return section("Result", *(element("p", words) for words in said), sides)


def _noise(found: RaceVerdict) -> list[str]:
    if found.noise is None:
        return []
    return [
        f"The difference is {found.difference:.4f} {found.unit}, and its noise "
        f"{found.noise:.4f}: {NOISE[found.noise_of]}."
    ]


def _sides(race: ReportedRace, groups: Sequence[Group], tokens: Tokens, *, mixed: bool) -> Element:
    """Settings and loss of each side; with several seeds their mean, spread and each one."""
    found = race.verdict
    repetitions = [one for one in race.repetitions if one.losses and race.seeds > 1]
    rows = []
    for side, (group, settings) in enumerate(zip(groups, race.settings, strict=True)):
        now = found.losses[side] if found else _mean(repetitions, side)
        rows.append(
            (
                group.name,
                " ".join(settings) or "as it is",
                "none" if now is None else loss(now),
                *([_spread(repetitions, side)] if repetitions else []),
                *([] if mixed else ["none" if now is None else bits(now, tokens)]),
                *(_of_seed(one, side) for one in repetitions),
            )
        )
    unit = tokens.unit_compared(mixed=mixed)
    first = (f"mean loss ({unit})", "standard deviation") if repetitions else (f"loss ({unit})",)
    seeds = [f"seed {one.seed}" for one in repetitions]
    counts = found.counted if found and race.axis == "characters" else race.axis
    mark = f" after {count(int(found.mark))} {counts}" if found else ""
    head = ("side", "settings", *first, *([] if mixed else [bits_unit(tokens)]), *seeds)
    return table(f"Held-out loss of each side{mark}", head, *rows)


def _mean(repetitions: Sequence[RepetitionInfo], side: int) -> float | None:
    """Over the seeds that have ended; None if a loss is not a number, or there is none."""
    losses = [value for one in repetitions if (value := one.losses[side]) is not None]
    return fmean(losses) if losses and len(losses) == len(repetitions) else None


def _of_seed(one: RepetitionInfo, side: int) -> str:
    value = one.losses[side]
    return "not a number" if value is None else loss(value)


def _spread(repetitions: Sequence[RepetitionInfo], side: int) -> str:
    losses = [value for one in repetitions if (value := one.losses[side]) is not None]
    return loss(stdev(losses)) if len(losses) > 1 else "not known"


# A sweep.


def _sweep(sweep: SweepRead, runs: Sequence[ReportedRun]) -> About:
    plan = sweep.plan
    assert plan is not None, "one that was not begun is not reported"
    results = {result.key: result for result in sweep.results}
    rows = compared(plan, results)
    found = verdict(plan, rows, results)
    groups = [Group(short_label(row.case), row.runs) for row in rows if row.runs]
    planned = sum(len(case.trials) for case in plan.cases)
    ended = sum(result.is_final for result in sweep.results)
    missing = sum(len(group.runs) for group in groups) - len(runs)
    notices = [] if ended == planned else [f"{count(ended)} of {count(planned)} runs have ended."]
    if missing:
        notices.append(f"{counted(missing, 'run')} of it is not here any more.")
    return About(
        f"Sweep {plan.name}",
        f"A sweep of tinygpt-tui: {counted(len(plan.cases), 'case')} with "
        f"{counted(plan.seeds, 'seed')} each, {counted(planned, 'run')}.",
        [
            *(element("p", words, class_="notice") for words in notices),
            section(
                "Result",
                *(element("p", words) for words in (found.sentence, *found.warnings)),
                _cases(rows),
            ),
            curves(groups, runs, "steps"),
        ],
        {run: group.name for group in groups for run in group.runs},
        "case",
        {},
        [
            element("p", f"With this file, {plan.name}.toml, in the folder of the text:"),
            element("pre", plan.file.expandtabs(4).strip(), class_="command"),
            element("pre", f"tinygpt-tui sweep {plan.name}.toml", class_="command"),
            element("p", f"{_machines(runs)} {EXACT}"),
        ],
    )


def _machines(runs: Sequence[ReportedRun]) -> str:
    """What the file leaves to the machine."""
    machines = {run.machine: None for run in runs if run.machine.device}
    where = [
        f"{machine.device} with train.threads={machine.threads} and "
        f"train.precision={machine.precision}"
        for machine in machines
    ]
    return f"Here they were trained on {' or '.join(where)}." if where else ""


def _cases(rows: Sequence[CaseResult]) -> Element:
    """Mean and spread of each case."""
    per_byte = all(row.bits_per_byte is not None for row in rows if row.mean is not None)
    unit = "bits a byte" if per_byte else "bits a character"
    return table(
        "Held-out loss at the end, over the seeds of each case",
        ("case", "runs", "mean loss (nats)", "standard deviation", unit, "time"),
        *(_case(row, per_byte=per_byte) for row in rows),
    )


def _case(row: CaseResult, *, per_byte: bool) -> tuple[str, ...]:
    in_bits = "none"
    if row.mean is not None:
        in_bits = f"{row.bits_per_byte:.3f}" if per_byte else bits(row.mean, Tokens())
    ended = {"without a number": row.diverged, "failed": row.failed}
    return (
        f"{row.case}{' (best)' if row.best else ''}",
        ", ".join(
            [count(row.n), *(f"{number} {what}" for what, number in ended.items() if number)]
        ),
        "none" if row.mean is None else loss(row.mean),
        "not known" if row.deviation is None else loss(row.deviation),
        in_bits,
        "none" if row.seconds is None else duration(row.seconds),
    )
