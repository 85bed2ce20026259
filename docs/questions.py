"""Write docs/questions.md: what the ready questions of the laboratory gave.

for key in $(tinygpt-tui lab --questions | cut -d' ' -f1); do
    tinygpt-tui lab tinyshakespeare.txt --question $key --json > FOLDER/$key.jsonl
done
python docs/questions.py FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from engine.protocol import LABELS, RaceVerdict
from tui.drawing.words import count
from tui.lab.question import NO_DIFFERENCE, Question, outcome
from tui.lab.questions import QUESTIONS

PAGE = Path(__file__).with_name("questions.md")
TEXT = "tinyshakespeare.txt"
EXPECTED = {
    "attention": "A",
    "positions": "A",
    "start": "A",
    "residual": "A",
    "norms": "A",
    "heads": "B",
    "activation": "C",
    "depth": "A",
    "context": "B",
    "rate": "A",
    "optimizer": "A",
    "dropout": "B",
    "passes": "A",
    "shuffled": "A",
    "tokens": "C",
    "tales": "A",
}
"""The side that the literature, or common sense, lets one expect to come out best."""
HEAD = f"""# What the questions gave

The [ready questions](laboratory.md#questions) of the laboratory, asked once each about the 1.1 MB of tinyshakespeare, on two cores. The losses are held-out losses, in nats a character, or of `tokens` in bits per byte. The noise is the standard error of the difference over the windows of held-out text, unless seeds are named: a difference of less than twice the noise counts as none. Seconds are those of training, of each side; a busy machine makes them longer. There it may also choose another number of threads, which changes the third digit of a loss.

"Expected" is what the literature or common sense would say. This page is written by `python docs/questions.py` from what `tinygpt-tui lab {TEXT} --question KEY --json` prints.
"""


class Result(NamedTuple):
    """What a race printed."""

    verdict: RaceVerdict
    seconds: tuple[float, ...]
    """Of training, of each side in its longest repetition."""


def result_in(lines: str) -> Result | None:
    """None where the race did not come to its end."""
    read = [json.loads(line) for line in lines.splitlines()]
    if not read or not read[-1].get("final"):
        return None
    *evaluations, last = read
    seconds = [
        max(line["seconds"] for line in evaluations if line["side"] == label)
        for label in LABELS[: len(last["losses"])]
    ]
    return Result(_verdict(last), tuple(seconds))


def _verdict(line: dict[str, Any]) -> RaceVerdict:
    names = [name for name in RaceVerdict.__struct_fields__ if name in line]
    values = {name: line[name] for name in names if name != "sentence"}
    return RaceVerdict(**{**values, "losses": tuple(line["losses"]), "sentence": line["verdict"]})


def page(results: dict[str, Result]) -> str:
    """All questions, with the results by their keys."""
    sections = [_section(question, results.get(question.key)) for question in QUESTIONS]
    return "\n".join([HEAD, _table(results), *sections])


def _table(results: dict[str, Result]) -> str:
    rows = ["| key | question | best | ahead by | times the noise | expected |", "|" + "---|" * 6]
    for question in QUESTIONS:
        result = results.get(question.key)
        came = ("not asked yet", "", "", "")
        if result is not None:
            came = (_best(question, result), *_ahead(result), _expected(question, result))
        rows.append(f"| `{question.key}` | {question.title} | {' | '.join(came)} |")
    return "\n".join(rows) + "\n"


def _best(question: Question, result: Result) -> str:
    label = outcome(result.verdict)
    return "no difference" if label == NO_DIFFERENCE else question.names[LABELS.index(label)]


def _ahead(result: Result) -> tuple[str, str]:
    verdict = result.verdict
    times = f"{verdict.difference / verdict.noise:.1f}" if verdict.noise else ""
    return f"{verdict.difference:.3f}", times


def _expected(question: Question, result: Result) -> str:
    label = EXPECTED[question.key]
    return "yes" if outcome(result.verdict) == label else f"no: {_named(question, label)}"


def _named(question: Question, label: str) -> str:
    return "no difference" if label == NO_DIFFERENCE else question.names[LABELS.index(label)]


def _section(question: Question, result: Result | None) -> str:
    config = question.configs(TEXT)[0]
    length = config.train.steps * config.train.batch_size * config.model.context_length
    shared = f", `{question.settings}`" if question.settings else ""
    lines = [
        f"## `{question.key}`: {question.title}",
        "",
        question.before,
        "",
        f"Preset `{question.preset}`, {count(config.train.steps)} steps, {count(length)} "
        f"characters{shared}.",
        "",
        "| side | settings | loss | seconds |",
        "|---|---|---|---|",
        *_sides(question, result),
        "",
    ]
    if result is not None:
        lines += [result.verdict.sentence, "", question.answer(result.verdict), ""]
    return "\n".join([*lines, f"`tinygpt-tui lab {TEXT} --question {question.key}`", ""])


def _sides(question: Question, result: Result | None) -> list[str]:
    rows = []
    for number, version in enumerate(question.versions):
        came = ("", "")
        if result is not None:
            loss = result.verdict.losses[number]
            came = ("no number" if loss is None else f"{loss:.3f}", f"{result.seconds[number]:.0f}")
        settings = f"`{version.settings}`" if version.settings else ""
        rows.append(f"| {LABELS[number]} {version.name} | {settings} | {came[0]} | {came[1]} |")
    return rows


def main(folder: Path) -> None:
    """Write the page of the races in a folder."""
    results = {}
    for question in QUESTIONS:
        file = folder / f"{question.key}.jsonl"
        result = result_in(file.read_text("utf-8")) if file.is_file() else None
        if result is not None:
            results[question.key] = result
    PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
