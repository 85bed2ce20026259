"""Untrusted text in a real terminal: no control sequence in it reaches the terminal.

The same tour of the app is made with a harmless text and with hostile ones. The control sequences
of the harmless tour are the only ones allowed; everything else must be printable text.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby, pairwise
from operator import ne
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from command_line import invoked
from starting import SETTINGS
from terminal import DEADLINE, Terminal
from wcwidth import wcwidth

from engine.config import all_settings
from engine.protocol import NOTE_LENGTH
from tui.screens.run_fields import TYPED

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here"),
]

COMMAND = str(Path(sys.executable).with_name("tinygpt-tui"))
PIECE = 0.03
"""Seconds without output after which a redraw is complete."""
MOST_MARKS = 8
"""Combining marks in a row that may still reach a terminal."""

MARKUP = "[@click=app.quit]quit[/] [/ [bold] :bomb: "
SEQUENCES = (
    "\x1b]52;c;aGFja2Vk\x07",  # the clipboard
    "\x1b]0;pwned-title\x07",
    "\x1b]8;;http://pwned.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[5n\x1b[?1049l",
    "\x1bPpwned-dcs\x1b\\",
    "\x1b_pwned-apc\x1b\\",
    "\x9d52;c;aGFja2Vk\x9c",  # the same in C1 controls
    "\x9b31m",
    "\x90pwned-dcs\x9c",
    "\x1bc",
)
INSIDE = "aGFja2Vk"
"""The payload of the first of those sequences, which must be visible as text."""
UNSEEN = (
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # bidirectional controls
    "\u00ad\u180e\u200b\u200c\u200d\u2060\u2061\u2064\ufeff\U000e0041"
)
FLOODS = "a" + 60 * "\u0301" + " ب" + 60 * "\u064b" + " ก" + 60 * "\u0e48"
WIDE = "世界 🦉 é e\u0301 한국"
TAIL = "¶"
LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
CONTROLS = "".join(
    chr(code)
    for code in (*range(1, 0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\n\r\x1b" + LINE_ENDS
)
HOSTILE = MARKUP + "".join(SEQUENCES) + FLOODS + UNSEEN + WIDE + CONTROLS + TAIL + LINE_ENDS
"""Line ends come last, since a field takes the first line of a paste only."""
HOSTILE_WORDS = HOSTILE.replace(TAIL, "")
"""The same without the mark by which a test sees that a paste has arrived."""
HARMLESS = "nothing" + TAIL
HOSTILE_PATH = "/none" + SEQUENCES[0] + SEQUENCES[1] + 40 * "\u0301" + UNSEEN + "[/" + TAIL
HARMLESS_PATH = "/none" + TAIL
HOSTILE_NAME = os.fsdecode(
    b"q[@click=app.quit][ \x1b]52;c;aGFja2Vk\x07\x1b]0;pwned-title\x07\n\r\xff\x9b31m\xc2\x9b31m"
    + "\u202e\u200b世🦉a\u0301".encode()
)
"""A file name that is not UTF-8, has two lines, and all the rest."""
RUN_NAME = "z" + HOSTILE_NAME.replace("@", "")
"""The name of a run's folder; an @ would separate the checkpoint to open."""
PASTE = "\x1b[200~{}\x1b[201~"

SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and other strings
    r"|\x1b[ -/]*[0-~]?"
)
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
COLUMNS, LINES = 120, 40
"""All panes are on the screen. `tests/tui/test_hostile_everywhere.py` has a small window, too."""
CHECKED = (
    "type",
    "device",
    "precision",
    "sha256",
    "model",
    "optimizer",
    "digest",
    "created",
    "characters",
    "train_on",
    *(setting.key.partition(".")[2] for setting in all_settings().values() if setting.choices),
)
"""Strings of a saved run that are validated when it is read."""
COMMANDS = {
    "runs": ("runs",),
    "a run that is damaged": ("sample", "damaged"),
    "no such run": ("train", "--run", HOSTILE_WORDS.replace("@", "")),
    "no such preset": ("train", "--preset", HOSTILE),
    "no such setting": ("train", "--set", HOSTILE.replace("=", "-") + "=1"),
    "no such value": ("train", "--set", "train.steps=" + HOSTILE),
    "no such option": ("train", "--" + HOSTILE.replace("=", "-")),
    "no such command": ("runs", HOSTILE),
    "a word too many": ("sample", "one", HOSTILE),
    "no such file": ("train", HOSTILE_PATH),
    "no such file, in the app": (HOSTILE_PATH,),
}
RICH = frozenset({"colour", "\x1b[2K", "\x1b[1A", "\x1b[?25l", "\x1b[?25h"})
"""The sequences of rich for a progress bar and a table."""


class Recording(NamedTuple):
    """All output of a terminal, and some of its screens on the way."""

    raw: str
    screens: Sequence[Sequence[Sequence[str]]] = ()

    @property
    def text(self) -> str:
        """The output without its sequences."""
        return SEQUENCE.sub("", self.raw)


def kinds(raw: str) -> frozenset[str]:
    """The set of its sequences: all colours are one, all cursor moves are one."""
    return frozenset(map(_kind, SEQUENCE.findall(raw)))


def _kind(sequence: str) -> str:
    if re.fullmatch(r"\x1b\[[\d;]*m", sequence):
        return "colour"
    return "cursor" if re.fullmatch(r"\x1b\[\d+;\d+H", sequence) else sequence


class WideTerminal(Terminal):
    """A terminal whose emulator may keep half of a wide character that was drawn over."""

    def __enter__(self) -> "WideTerminal":
        return self

    def wait_for(self, wanted: str | Callable[[str], bool], deadline: float = DEADLINE) -> str:
        """Wait until the screen shows it at the end of a redraw: a redraw may arrive in pieces."""
        shows = wanted if callable(wanted) else (lambda text: wanted in text)
        while True:
            super().wait_for(shows, deadline)
            while self.read(PIECE):
                pass
            if shows(text := self.text()):
                return text

    def text(self) -> str:
        return "\n".join("".join(row) for row in self.cells())

    def send(self, content: bytes) -> None:
        """Send bytes that no keyboard sends."""
        os.write(self._master, content)

    def cells(self) -> list[list[str]]:
        """The screen by cells; the second cell of a wide character is empty."""
        screen = self.screen
        rows = (
            [screen.buffer[row][column].data for column in range(screen.columns)]
            for row in range(screen.lines)
        )
        return [
            [
                now or ("" if wcwidth(before[:1]) == 2 else " ")
                for before, now in pairwise(["", *row])
            ]
            for row in rows
        ]


def backgrounds(terminal: Terminal) -> list[list[str]]:
    """The background colours of each row."""
    screen = terminal.screen
    return [
        [screen.buffer[row][column].bg for column in range(screen.columns)]
        for row in range(screen.lines)
    ]


def _all_in(words: Sequence[str], text: str) -> bool:
    return all(word in text for word in words)


class Tour:
    """A user who shows untrusted text to every part of the app."""

    def __init__(self, terminal: WideTerminal, words: str) -> None:
        """`words` are pasted into every field."""
        self.terminal = terminal
        self.words = words
        self.missing = HARMLESS_PATH if words == HARMLESS else HOSTILE_PATH
        self.screens: list[list[list[str]]] = []

    def take(self) -> None:
        """The whole tour, from start to quit."""
        self.train()
        self.prompt()
        self.click_on_the_name()
        self.fill_in_the_form()
        self.open_what_is_not_there()
        self.look_at_the_runs()
        self.look_for_a_command()
        self.terminal.type("q")
        assert self.terminal.wait_for_end() == 0

    def train(self) -> None:
        self.terminal.wait_for("● untrained")
        self.terminal.wait_for("step      0")
        self.terminal.type(" ")
        self._sees("● done")

    def prompt(self) -> None:
        self.terminal.type("p")
        self._paste(self.words)
        self.terminal.type("\r")
        self._sees("500 characters")
        self._leave()
        self.terminal.wait_for("p prompt")

    def click_on_the_name(self) -> None:
        """Click where markup would make a link that quits; the app must still answer."""
        column = len("tinygpt") + 8
        self.terminal.type(f"\x1b[<0;{column};1M\x1b[<0;{column};1m?")
        self._sees("Esc closes")
        self._leave("Esc closes")

    def fill_in_the_form(self) -> None:
        self.terminal.type("c")
        self.terminal.wait_for("Start (Enter)")
        row = self._paste(self.words)
        for _ in range(len(TYPED) + 1):
            self._move_on(row)
            row = self._paste(self.words)
        self.terminal.type("\r")
        self._sees("There is no preset")
        self._leave("Start (Enter)")

    def open_what_is_not_there(self) -> None:
        self.terminal.type("c")
        self.terminal.wait_for("Start (Enter)")
        self._paste(self.missing)
        self.terminal.type("\r")
        self._sees("There is no file")
        self._leave("Start (Enter)")

    def look_at_the_runs(self) -> None:
        """Rename, annotate and almost delete the untrusted run; then open and sample it."""
        self.terminal.type("o")
        self._sees("Enter open")  # not "saved runs": the footer has these words, too
        self.terminal.wait_for(lambda text: "Listing the saved runs" not in text)
        self.terminal.type("\x1b[B")
        note_is_too_long = len(self.words) > NOTE_LENGTH
        for key, refusal in (("n", "A note has"), ("r", "A run's name has")):
            self.terminal.type(key)
            self.terminal.wait_for("Enter OK")
            self._paste(self.words)
            self.screens.append(self.terminal.cells())
            self.terminal.type("\r")
            if key == "r" or note_is_too_long:  # refused with the reason, and asked again
                self.terminal.wait_for(partial(_all_in, (refusal, "Enter OK")))
                self.screens.append(self.terminal.cells())
                self._leave("Enter OK")
            self.terminal.wait_for(lambda text: "Enter OK" not in text)
        self.terminal.type("d")
        self._sees("cannot be undone")
        self.terminal.type("n")
        self.terminal.wait_for(lambda text: "cannot be undone" not in text)
        self.terminal.type("\r")
        self._sees("nothing generated yet")
        self.terminal.type("w")
        self._sees("500 characters")
        self.terminal.type("n")  # one step, so that quitting prints where it was saved
        self._sees("● paused")

    def look_for_a_command(self) -> None:
        self.terminal.type("\x10")
        self.terminal.wait_for("Search for")
        self._paste(TAIL + self.missing)
        self.terminal.wait_for("No matches found")
        self._leave("No matches found")

    def _paste(self, words: str) -> int:
        """Paste, and wait for the end of the pasted text; the row that it is in."""
        before = [row.count(TAIL) for row in self.terminal.text().split("\n")]

        def grown() -> list[int]:
            now = [row.count(TAIL) for row in self.terminal.text().split("\n")]
            return [
                row for row, (few, many) in enumerate(zip(before, now, strict=True)) if many > few
            ]

        self.terminal.type(PASTE.format(words))
        self.terminal.wait_for(lambda _: bool(grown()))
        return grown()[0]

    def _move_on(self, row: int) -> None:
        """Go from the field in this row to the next: the cursor then is in another row."""
        before = backgrounds(self.terminal)

        def has_moved(_: str) -> bool:
            changed = map(ne, before, backgrounds(self.terminal))
            return any(moved for number, moved in enumerate(changed) if number != row)

        self.terminal.type("\x1b[B")
        self.terminal.wait_for(has_moved)

    def _sees(self, text: str) -> None:
        self.terminal.wait_for(text)
        self.screens.append(self.terminal.cells())

    def _leave(self, what: str = "") -> None:
        """Press Esc after another key: by itself, it would be read with the next key."""
        self.terminal.type("\x1b[D\x1b")
        if what:
            self.terminal.wait_for(lambda text: what not in text)


def open_app(text: Path, folder: Path) -> WideTerminal:
    """The app on a text that trains in moments."""
    folder.mkdir(exist_ok=True)
    return WideTerminal(
        [COMMAND, str(text), *SETTINGS, "--steps=20"],
        columns=COLUMNS,
        lines=LINES,
        cwd=str(folder),
        env={"TINYGPT_HOME": str(folder / "home")},
    )


def visit(text: Path, folder: Path, words: str, untrusted: Path) -> Recording:
    """Make the tour where an untrusted run is saved."""
    shutil.copytree(untrusted, folder / "home" / "runs" / untrusted.name)
    with open_app(text, folder) as terminal:
        tour = Tour(terminal, words)
        tour.take()
    return Recording(terminal.raw.decode(), tour.screens)


def print_all(home: Path, lines: Mapping[str, Sequence[str]]) -> dict[str, Recording]:
    """The output of each command, in a terminal of its own; all run at the same time."""
    with ExitStack() as stack:
        terminals = {
            name: stack.enter_context(
                Terminal(
                    [COMMAND, *line],
                    columns=120,
                    lines=40,
                    cwd=str(home),
                    env={"TINYGPT_HOME": str(home)},
                )
            )
            for name, line in lines.items()
        }
        for terminal in terminals.values():
            terminal.wait_for_end()
    return {name: Recording(terminal.raw.decode()) for name, terminal in terminals.items()}


def poisoned(value: Any, key: str = "") -> Any:
    """Parsed JSON with hostile words in every string that is not validated."""
    if isinstance(value, dict):
        return {name: poisoned(within, name) for name, within in value.items()}
    return value + HOSTILE_WORDS if isinstance(value, str) and key not in CHECKED else value


def poison(run: Path) -> None:
    """Put hostile words into every string of a saved run; its numbers and checksums stay right."""
    about = run / "run.json"
    about.write_text(json.dumps(poisoned(json.loads(about.read_text()))))
    history = run / "metrics.jsonl"
    lines = [poisoned(json.loads(line)) for line in history.read_text().split("\n") if line]
    history.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for manifest in run.glob("checkpoints/*/manifest.json"):
        content = {**poisoned(json.loads(manifest.read_text())), "digest": ""}
        digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()
        manifest.write_text(json.dumps({**content, "digest": digest}))


def damage(run: Path) -> None:
    """Make a setting of a saved run invalid."""
    content = json.loads((run / "run.json").read_text())
    content["config"]["train"]["device"] = HOSTILE
    (run / "run.json").write_text(json.dumps(content))


def halve(run: Path) -> None:
    """Put a lone surrogate into the text of a saved run."""
    text = (run / "corpus.txt").read_text("utf-8").replace("世", "\ud800")
    content = text.encode("utf-8", "surrogatepass")
    (run / "corpus.txt").write_bytes(content)
    about = json.loads((run / "run.json").read_text())
    about["corpus"]["sha256"] = hashlib.sha256(content).hexdigest()
    about["corpus"]["characters"] = "".join(sorted(set(text)))
    (run / "run.json").write_text(json.dumps(about))


class Place(NamedTuple):
    """Untrusted files."""

    folder: Path
    harmless: Path
    """A text."""
    hostile: Path
    """A text and its name."""
    home: Path
    """The data folder with runs of the hostile text."""
    quiet: Path
    """A harmless saved run."""
    untrusted: Path
    """A saved run with hostile words in every string."""
    trained: Recording
    """The output of training on the hostile text."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("untrusted")
    harmless, hostile = folder / "rhymes.txt", folder / HOSTILE_NAME
    rhyme = "the cat sat on the mat and the rat ran.\n"
    harmless.write_text(20 * rhyme, encoding="utf-8")
    hostile.write_text(20 * (10 * rhyme + HOSTILE + "\n"), encoding="utf-8", newline="\n")
    home = folder / "home"
    home.mkdir()
    texts = {"harmless": harmless, "hostile": hostile}
    trained = print_all(home, {name: train_line(text, 20) for name, text in texts.items()})
    runs = {about.parent for about in home.glob("runs/*/run.json")}
    (run,) = (each for each in runs if HOSTILE in (each / "corpus.txt").read_text("utf-8"))
    (other,) = runs - {run}
    quiet = other.rename(folder / "zz-quiet")
    for name, spoil in (("damaged", damage), ("halved", halve), (RUN_NAME, poison)):
        shutil.copytree(run, home / "runs" / name)
        spoil(home / "runs" / name)
    untrusted = home / "runs" / RUN_NAME
    return Place(folder, harmless, hostile, home, quiet, untrusted, trained["hostile"])


def train_line(text: Path, steps: int, *more: str) -> list[str]:
    """Arguments that train without the app."""
    return ["train", str(text), *SETTINGS, f"--steps={steps}", *more]


@pytest.fixture(scope="module")
def allowed(place: Place) -> frozenset[str]:
    """The sequences that the app itself sends."""
    folder = place.folder / "reference"
    return kinds(visit(place.harmless, folder, HARMLESS, place.quiet).raw)


@pytest.fixture(scope="module")
def tour(place: Place) -> Recording:
    """The tour with hostile text."""
    return visit(place.hostile, place.folder / "hostile", HOSTILE, place.untrusted)


@pytest.fixture(scope="module")
def printed(place: Place) -> dict[str, Recording]:
    """The output of commands without the app, and of refusals."""
    lines = {
        "JSON": train_line(place.hostile, 2, "--json"),
        "sample": ["sample", place.untrusted.name, "--chars=100", "--prompt", HOSTILE + "\udcff"],
        **{name: list(line) for name, line in COMMANDS.items()},
    }
    return {"train": place.trained, **print_all(place.home, lines)}


@pytest.fixture(params=["tour", "train", "JSON", "sample", *COMMANDS])
def recording(request: pytest.FixtureRequest) -> Recording:
    """The output of the tour and of each command in turn."""
    if request.param == "tour":
        toured: Recording = request.getfixturevalue("tour")
        return toured
    printed: dict[str, Recording] = request.getfixturevalue("printed")
    return printed[request.param]


def test_no_untrusted_sequence_reaches_the_terminal(
    recording: Recording, allowed: frozenset[str]
) -> None:
    assert kinds(recording.raw) - allowed - RICH == set()


def test_nothing_is_hidden(recording: Recording) -> None:
    """No control, bidirectional or zero-width character."""
    hidden = {ch for ch in recording.text if unicodedata.category(ch) in HIDDEN}
    assert hidden - {"\r", "\n"} == set()


def test_no_flood_of_marks(recording: Recording) -> None:
    runs = groupby(recording.text, lambda ch: unicodedata.category(ch) in ("Mn", "Me"))
    assert max((len(list(run)) for marks, run in runs if marks), default=0) <= MOST_MARKS


def test_untrusted_text_is_shown_literally(recording: Recording) -> None:
    """The payload of a sequence is visible as text, and markup is not interpreted."""
    assert INSIDE in recording.text
    assert "\N{BOMB}" not in recording.text


def test_borders_stay_in_their_columns(tour: Recording) -> None:
    """Below the header, whatever is drawn between the borders."""
    for screen in tour.screens:
        for row in screen[4:-1]:
            assert {row[0], row[-1]} <= set("│╭╮╰╯├┤"), "".join(row)


def test_each_line_of_json_is_json_in_a_home_that_is_not_utf8(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGPT_HOME", str(place.folder / "home\udcff"))
    result = invoked(*train_line(place.hostile, 2, "--json"))
    assert result.exit_code == 0
    for each in result.stdout_bytes.split(b"\n")[:-1]:
        assert "type" in json.loads(each, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "line",
    [("train", "--run", "halved", "--json"), ("sample", "halved")],
    ids=" ".join,
)
def test_a_lone_surrogate_is_no_crash(
    place: Place, line: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written, or refused with a message."""
    monkeypatch.setenv("TINYGPT_HOME", str(place.home))
    assert invoked(*line).exit_code in (0, 2)


def test_bytes_that_are_not_utf8_do_not_end_the_app(text: Path, tmp_path: Path) -> None:
    """A terminal that is not set to UTF-8 sends them for a letter with an accent."""
    with open_app(text, tmp_path) as terminal:
        terminal.wait_for("q quit")
        terminal.send("é".encode("latin-1"))
        terminal.type("?")
        terminal.wait_for("Esc closes")
        terminal.type("q")
        terminal.wait_for(lambda text: "Esc closes" not in text)
        terminal.type("q")
        assert terminal.wait_for_end() == 0
