"""Every setting of a run with its meaning, range and default, in one place.

A field's `Meta` is its check, its line in the New-run form and its line in the help.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from data.reading import Reading
from engine.log_config import LogConfig
from engine.model_config import ModelConfig as ModelConfig
from engine.sampling_config import SampleConfig as SampleConfig
from engine.settings import Section, Setting, nearest, settings_of
from engine.text_config import TextConfig


class TrainConfig(Section, frozen=True, forbid_unknown_fields=True):
    """How it is trained."""

    section: ClassVar[str] = "train"

    steps: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Training steps: one batch each.")
    ] = 2_000
    minutes: Annotated[
        float,
        Meta(ge=0, le=100_000, description="Stop after this many minutes instead; 0: by steps."),
    ] = 0.0
    batch_size: Annotated[int, Meta(ge=1, le=4096, description="Windows of text in one step.")] = 8
    optimizer: Annotated[
        Literal["muon", "normuon", "adamw"],
        Meta(
            description="Muon or NorMuon for the matrices inside the blocks, Adam for the rest; or "
            "all AdamW."
        ),
    ] = "muon"
    learning_rate: Annotated[
        float,
        Meta(ge=1e-5, le=1, description="Step size of the matrices inside the blocks (Muon)."),
    ] = 0.03
    adam_learning_rate: Annotated[
        float,
        Meta(ge=1e-6, le=1, description="Step size of embedding and head (Adam); AdamW: of all."),
    ] = 3e-3
    weight_decay: Annotated[
        float, Meta(ge=0, le=10, description="Pull of the matrices towards zero.")
    ] = 0.1
    momentum_share: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Share of the mean gradient in Muon's update; the newest gradient is the rest.",
        ),
    ] = 0.9
    warmup_fraction: Annotated[
        float, Meta(ge=0, le=1, description="Fraction of the run in which the rate rises.")
    ] = 0.02
    decay_fraction: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Fraction of the run at its end: the rate falls to zero.",
        ),
    ] = 0.8
    context_warmup: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Fraction of the run at a quarter, then half of the context.",
        ),
    ] = 0.7
    evaluation_interval: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Steps between evaluations on held-out text; below 10 they slow training.",
        ),
    ] = 250
    val_fraction: Annotated[
        float, Meta(ge=0.01, le=0.5, description="Fraction of the text held out for validation.")
    ] = 0.1
    val_documents: Annotated[
        bool,
        Meta(description="Hold out whole files of a text, chosen by the seed and their names."),
    ] = False
    val_characters: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000_000,
            description="Held-out characters read by an evaluation; 0: a tenth of the time.",
        ),
    ] = 0
    moments_mb: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Disk for the weights of earlier steps, in MB; 0: none are kept.",
        ),
    ] = 200
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Same seed, same run.")] = 1
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"], Meta(description="Where it computes.")
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "int16", "int8"],
        Meta(description="Number format of products; auto measures which is fastest."),
    ] = "auto"
    threads: Annotated[
        int, Meta(ge=0, le=256, description="Worker threads; 0 measures how many are best.")
    ] = 0
    accumulation: Annotated[
        int,
        Meta(ge=1, le=4096, description="Parts of a batch, one after the other: less memory."),
    ] = 1
    compile: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="torch.compile; auto: for a long run on an NVIDIA GPU."),
    ] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup_fraction + self.decay_fraction > 1:
            raise ValueError(
                "train.warmup_fraction and train.decay_fraction together are more than the whole run."
            )

    @property
    def rate_name(self) -> str:
        """The setting that is the learning rate of a run; Muon takes that of Adam with it."""
        return "adam_learning_rate" if self.optimizer == "adamw" else "learning_rate"

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate of a new run, before the schedule."""
        return float(getattr(self, self.rate_name))


class RunConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that defines a run, apart from the text itself."""

    corpus: str  # a name of the catalog, a path, or "-" for standard input
    preset: str = "small"
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    text: TextConfig = TextConfig()
    sample: SampleConfig = SampleConfig()
    log: LogConfig = LogConfig()
    reading: Reading = Reading()
    held_out_from: int = 0
    """The character with which the documents begin that are held out (`train.val_documents`); 0: the
    end of the text is held out, by `train.val_fraction`."""

    def with_corpus(self, corpus: str) -> "RunConfig":
        """The same config for a text; one other than the present is read and trained on as by default."""
        if corpus == self.corpus:
            return self
        return msgspec.structs.replace(
            self, corpus=corpus, reading=Reading(), held_out_from=0, text=TextConfig()
        )


SECTIONS: dict[str, type[Section]] = {
    kind.section: kind for kind in (ModelConfig, TrainConfig, TextConfig, SampleConfig, LogConfig)
}
FREE_TEXT = ("sample.stop", "text.train_on")
"""The settings that can be any text."""


ROPE_BASE = 200.0
"""Of the presets: most of what a character depends on is near."""
LOCAL_START = 3.0
"""Of the presets: heads need not find first that this is so."""
MOMENTUM_SHARE = 0.8
"""Of the presets that read a text a few times: they learn more by an update that follows the newest
gradient."""


def nano(corpus: str) -> RunConfig:
    """0.1M parameters: for tests and slow machines."""
    return RunConfig(
        corpus=corpus,
        preset="nano",
        model=ModelConfig(
            context_length=64,
            n_layer=2,
            n_head=2,
            n_embd=64,
            rope_base=ROPE_BASE,
            local_start=LOCAL_START,
        ),
        train=TrainConfig(
            optimizer="normuon",
            momentum_share=MOMENTUM_SHARE,
            steps=2_000,
            batch_size=16,
            context_warmup=0,
        ),
    )


def small(corpus: str) -> RunConfig:
    """0.8M parameters: minutes on a laptop."""
    return RunConfig(
        corpus=corpus,
        model=ModelConfig(rope_base=ROPE_BASE, local_start=LOCAL_START),
        train=TrainConfig(optimizer="normuon", momentum_share=MOMENTUM_SHARE),
    )


def medium(corpus: str) -> RunConfig:
    """10.7M parameters, like nanoGPT's larger character model: a minute on a GPU, or hours."""
    return RunConfig(
        corpus=corpus,
        preset="medium",
        model=ModelConfig(
            context_length=256,
            n_layer=6,
            n_head=6,
            n_embd=384,
            dropout=0.3,
            rope_base=ROPE_BASE,
            local_start=LOCAL_START,
        ),
        train=TrainConfig(
            optimizer="normuon",
            steps=600,
            batch_size=64,
            weight_decay=0.3,
            context_warmup=0,
            evaluation_interval=50,
        ),
    )


PRESETS = {"nano": nano, "small": small, "medium": medium}


def preset(name: str, corpus: str) -> RunConfig:
    """The preset of that name; ValueError with the nearest names when there is none."""
    if name not in PRESETS:
        raise ValueError(f"There is no preset {name!r}{nearest(name, PRESETS)}.")
    return PRESETS[name](corpus)


def all_settings() -> dict[str, Setting]:
    """Every setting by its dotted key."""
    return {s.key: s for section in SECTIONS.values() for s in settings_of(section)}


def override(config: RunConfig, assignments: Iterable[str]) -> RunConfig:
    """The config with each KEY=VALUE applied. ValueError with a user-facing message."""
    changes: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    known = all_settings()
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        key = key.strip()
        if not equals:
            raise ValueError(f"--set takes KEY=VALUE, not {assignment!r}.")
        section, _, name = key.partition(".")
        if key in FREE_TEXT:
            changes[section][name] = value
        elif key in known:
            changes[section][name] = known[key].parse(value)
        else:
            raise ValueError(f"There is no setting {key!r}{nearest(key, known)}.")
    sections = {
        name: msgspec.structs.replace(getattr(config, name), **fields)
        for name, fields in changes.items()
        if fields
    }
    return msgspec.structs.replace(config, **sections)
