"""The settings in the form for a new run: what they are called there, and where a value is from."""

import re

from msgspec.structs import replace

from data.reading import SEPARATOR, Reading
from engine.config import FREE_TEXT, SECTIONS, ModelConfig, RunConfig, all_settings, preset
from engine.settings import Setting, description_of, plain, settings_of
from tui.drawing.words import count
from tui.line_breaks import on_one_line
from tui.state import RunState

TYPED = (
    ("train.steps", "steps"),
    ("train.minutes", "minutes"),
    ("model.n_layer", "layers"),
    ("model.n_embd", "width"),
    ("model.n_head", "heads"),
    ("model.context_length", "context"),
    ("train.batch_size", "batch"),
    ("train.learning_rate", "learning rate"),
    ("train.adam_learning_rate", "Adam's rate"),
    ("model.dropout", "dropout"),
    ("train.seed", "seed"),
    ("text.fraction", "trained part"),
)
"""The settings that are typed, with their labels."""
TRAIN_ON = "text.train_on"
_LABELS = dict(TYPED) | {TRAIN_ON: "trained on", "text.shuffle": "shuffled"}
_KEY = re.compile(rf"\b(?:{'|'.join(SECTIONS)})\.\w+")


def options() -> tuple[tuple[str, tuple[Setting, ...]], ...]:
    """The settings that are one of a few words, each offered as a choice, below their headings."""
    known = all_settings()
    architecture = tuple(setting for setting in settings_of(ModelConfig) if setting.choices)
    return (
        ("training", (known["text.shuffle"], known["train.optimizer"])),
        ("architecture", architecture),
    )


HINTS = {
    "corpus": "Of the catalog: tales, alice …; a path (→ completes it); https://… or hf:…",
    "preset": "The size of the model; it sets the fields below.",
}
"""What the fields mean that are no setting, by their ids."""


def hint_of(key: str) -> str:
    """What a setting means."""
    section, _, name = key.partition(".")
    return description_of(SECTIONS[section], name)


def range_of(key: str) -> str:
    """The values that a setting can have."""
    return all_settings()[key].range if key != TRAIN_ON else "a path or a name"


def id_of(key: str) -> str:
    """The id of the field of a setting."""
    return key.replace(".", "-")


def label_of(key: str) -> str:
    """What the form calls a setting."""
    return _LABELS.get(key) or key.partition(".")[2].replace("_", " ")


def in_words_of_the_form(message: str) -> str:
    """A message with the labels of the form instead of dotted keys."""
    known = all_settings()

    def label(found: re.Match[str]) -> str:
        key = found.group()
        return f"'{label_of(key)}'" if key in known or key in FREE_TEXT else key

    return _KEY.sub(label, message)


def value_of(config: RunConfig, key: str) -> str:
    """A setting as it would be typed."""
    section, _, name = key.partition(".")
    value = getattr(getattr(config, section), name)
    return value if isinstance(value, str) else plain(value)


def base_of(config: RunConfig, name: str) -> RunConfig:
    """What the fields change: the config of the open run, or, for a preset that is not its own,
    that preset on the same device, written to the same files. ValueError, with a user-facing message, for an unknown one."""
    if name == config.preset:
        return config
    chosen = preset(name, config.corpus)
    machine = {key: getattr(config.train, key) for key in ("device", "precision", "threads")}
    train = replace(chosen.train, **machine)
    return replace(chosen, reading=config.reading, train=train, log=config.log)


def carried_over(config: RunConfig, defaults: RunConfig, shown: set[str]) -> list[str]:
    """The settings without a field, those not in `shown`, in which a config differs from the
    defaults: "weight decay 0.2"; and how its text is read."""
    settings = [
        f"{label_of(key)} {value_of(config, key)}"
        for key in all_settings()
        if key not in shown and value_of(config, key) != value_of(defaults, key)
    ]
    return [*settings, *_in_words(config.reading)]


def _in_words(reading: Reading) -> list[str]:
    """How a text is read, where that is not the default."""
    encoding = [f"encoding {reading.encoding}"] if reading.encoding else []
    ignored = [f"ignored files {' '.join(reading.ignore)}"] if reading.ignore else []
    more = [f"with {' '.join(reading.more)}"] if reading.more else []
    separator = []
    if reading.separator != SEPARATOR:
        separator = [f"between files {on_one_line(reading.separator)}"]
    return encoding + ignored + more + separator


def fate_of(state: RunState) -> str:
    """What becomes of the open run."""
    if state.opened is None:
        return ""
    run = state.opened.run
    if state.step and not state.opened.saving:
        return f"{run} is not saved: what it has learned is lost."
    if state.phase == "following":
        return f"{run} is trained on by the other program."
    if not state.step:
        return f"{run} has not been trained: nothing of it is kept."
    return f"{run} is saved at step {count(state.step)} first, and stays among the saved runs."
