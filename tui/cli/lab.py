"""`tinygpt-tui lab`: trains a race, with a live table or as lines of JSON; lists the saved races."""

import json
import shlex

import click
from rich.console import Console

from data.safe_text import safe_text
from engine.protocol import (
    Close,
    CorpusLoaded,
    Event,
    Failed,
    ListRaces,
    OpenRace,
    OpenSavedRace,
    RaceOpened,
    RaceSaved,
    RacesListed,
    RaceVerdict,
    SideEvent,
    Train,
    to_json,
)
from tui.cli.client import Client
from tui.cli.console import PipeConsole, discard_output, print_error
from tui.cli.hints import PROGRAM
from tui.cli.race_table import RaceTable
from tui.cli.streams import printable_json
from tui.lab.question import Question
from tui.lab.questions import question_titled
from tui.signals import on_exit_signal


def race(command: OpenRace | OpenSavedRace, *, as_json: bool, saving: bool = True) -> int:
    """Train a race to its end, or until a signal; the exit code."""
    client = Client(command, Train(), saving=saving)
    with on_exit_signal(client.end), RaceTable(PipeConsole(), shown=not as_json) as table:
        return client.run(_Racing(client, table, as_json=as_json).on_event)


class _Racing:
    """What the command answers to the events of its race."""

    def __init__(self, client: Client, table: RaceTable, *, as_json: bool) -> None:
        self._client = client
        self._table = table
        self._as_json = as_json
        self._verdict: RaceVerdict | None = None
        self._reported_end = False
        self._question: Question | None = None  # if it is a ready one

    def on_event(self, event: Event) -> None:
        """Answer one event, and show it."""
        if isinstance(event, CorpusLoaded) and event.note:
            print_error(event.note)
        if isinstance(event, Failed):
            if not self._has_ended:  # one that has ended shows its verdict, and trains no more
                self._client.fail(event, save=event.during != "save")
            return
        try:
            self._show(event)
        except BrokenPipeError:
            discard_output()
            print_error("Nothing reads the output any more, so the race ends here.")
            self._client.exit_code = 1
            self._client.send(Close())

    @property
    def _has_ended(self) -> bool:
        return self._verdict is not None and self._verdict.final

    def _show(self, event: Event) -> None:
        evaluated = self._table.on_event(event)
        match event:
            case RaceOpened():
                self._question = question_titled(event.question)
            case RaceVerdict():
                if not (self._verdict and self._verdict.final):
                    self._verdict = event
                if event.final:
                    self._client.send(Close())
            case SideEvent() if evaluated and self._as_json:
                _print_line(self._table.evaluation(event.side))
            case RaceSaved(race, path) if self._client.closing and not self._reported_end:
                self._reported_end = True
                self._end(race, path)
            case _:
                pass

    def _end(self, race: str, path: str) -> None:
        if self._as_json:
            if self._verdict is not None:
                runs = [side.run for side in self._table.sides]
                line = {"race": race, "runs": runs, **json.loads(to_json(self._verdict))}
                line["verdict"] = line.pop("sentence")
                del line["type"]
                _print_line(line)
            return
        self._table.stop()
        self._table.print_samples()
        if self._question and self._verdict and self._has_ended:
            self._table.print(self._question.answer(self._verdict))
        if path:
            self._table.print(f"saved the race {race} in {path}")
        if not self._has_ended and path:
            self._table.print(f"go on: {PROGRAM} lab --resume {shlex.quote(race)}")


def _print_line(line: dict[str, object]) -> None:
    print(printable_json(json.dumps(line, ensure_ascii=False)), flush=True)  # noqa: T201


def list_races(*, as_json: bool = False) -> int:
    """Print the saved races, last used first, as a table or as lines of JSON; the exit code."""
    client = Client(ListRaces(), Close())

    def on_event(event: Event) -> None:
        match event:
            case RacesListed():
                _print_races(event, as_json=as_json)
            case Failed():
                client.fail(event)
            case _:
                pass

    return client.run(on_event)


def _print_races(listed: RacesListed, *, as_json: bool) -> None:
    if as_json:
        for line in json.loads(to_json(listed))["races"]:
            click.echo(printable_json(json.dumps(line, ensure_ascii=False)))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    if not listed.races:
        console.print("No race is saved yet.")
    for race in listed.races:
        done = f"{race.repetitions} of {race.seeds} " + ("seed" if race.seeds == 1 else "seeds")
        said = " · ".join(filter(None, (race.question, race.verdict, race.problem)))
        console.print(safe_text(f"{race.name}  {done}  {said}"), soft_wrap=not console.is_terminal)
