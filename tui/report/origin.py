"""Where one run comes from: how to train it again, its text, machine and settings."""

from xml.etree.ElementTree import Element

from engine.config import FREE_TEXT, SECTIONS
from engine.protocol import ReportedRun, ReportedText
from engine.settings import description_of, plain, settings_of
from tui.drawing.words import count
from tui.line_breaks import on_one_line
from tui.report.command import commands, default_config, remarks, value_of
from tui.report.html import element, facts, section, table


def reproduction(run: ReportedRun, level: int) -> Element:
    """The commands that train it again."""
    return section(
        "To train it again",
        element("pre", "\n".join(commands(run)), class_="command"),
        element("ul", *(element("li", words) for words in remarks(run))),
        level=level,
    )


def origin(run: ReportedRun, level: int) -> Element:
    """The text, the machine and the settings."""
    text, machine = run.text, run.machine
    sizes = (
        f"{count(text.train_characters)} to train on, {count(text.validation_characters)} held out"
    )
    threads = f"{machine.threads} threads" if machine.threads > 1 else "1 thread"
    computed = [f"{machine.device}, {threads}, {machine.precision}"] if machine.device else []
    return section(
        "Text, machine and settings",
        facts(
            ("text", text.name),
            ("source", text.source if text.source != text.name else ""),
            ("license", text.license),
            ("trained on", text.trained_on),
            ("characters", sizes if text.train_characters else "the text is not here"),
            _alphabet(text),
            ("sha256 of the text", text.sha256),
            ("computed on", computed[0] if computed else "not recorded"),
            ("processor", machine.cpu),
            ("torch", machine.torch),
            ("begun", run.created.replace("T", " ").replace("Z", " UTC")),
            ("forked from", f"{run.parent}, step {count(run.parent_step)}" if run.parent else ""),
        ),
        _settings(run, whole=level == 2),
        level=level,
    )


def _alphabet(text: ReportedText) -> tuple[str, str]:
    """What its model tells apart."""
    tokens = text.tokens
    if tokens.kind == "characters":
        return "alphabet", f"{count(text.vocabulary)} different characters"
    return "tokens", f"{tokens.described}, of {tokens.characters_each:.2f} characters on average"


def _settings(run: ReportedRun, *, whole: bool) -> Element:
    """Every setting if `whole`, and those that are not as in the preset are marked; otherwise these
    alone."""
    default = default_config(run)
    rows = []
    for kind in SECTIONS.values():
        for setting in settings_of(kind):
            value, usual = value_of(run.config, setting.key), value_of(default, setting.key)
            rows.append((setting.key, value, usual, setting.description))
    for key in FREE_TEXT:
        section_name, _, name = key.partition(".")
        meaning = description_of(SECTIONS[section_name], name)
        rows.append((key, value_of(run.config, key), value_of(default, key), meaning))
    caption = "Settings, in bold and with ● those that differ from the preset"
    if not whole:
        rows = [row for row in rows if row[1] != row[2]]
        caption = "Settings that differ from the preset"
    return table(
        f"{caption} {default.preset}",
        ("setting", "value", "preset", "meaning"),
        *(
            (
                element("strong", f"● {key}") if value != usual else key,
                element("strong", shown(value)) if value != usual else shown(value),
                shown(usual),
                meaning,
            )
            for key, value, usual, meaning in rows
        ),
        class_="data settings",
    )


def shown(value: object) -> str:
    """The value of a setting for a reader."""
    return on_one_line(value) if isinstance(value, str) else plain(value)
