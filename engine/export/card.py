"""The model card of an exported folder: README.md, in Markdown.

Names and notes of a run may come from anybody: each is escaped, so that none is a link or markup.
"""

import math
import re
from collections.abc import Iterable

from data.prompts import default_prompt
from data.safe_text import safe_text
from engine.config import SECTIONS, RunConfig
from engine.export.proof import Proof
from engine.export.source import Source
from engine.settings import plain, settings_of
from engine.training.training_text import in_words

_MARKUP = re.compile(r"([\\`*_\[\](){}<>#|~&$@:]|(?<=[wW]{3})\.)")
"""What Markdown could take for markup, or for an address, within a line."""


def escaped(text: str) -> str:
    """A text that Markdown shows as it is, in one line."""
    return _MARKUP.sub(r"\\\1", safe_text(text))


def card(source: Source, proof: Proof, notes: Iterable[str]) -> str:
    """The card of a run that was exported and compared."""
    parameters = sum(p.numel() for p in source.model.parameters())
    corpus = source.info.corpus
    sections = [
        _front_matter(source),
        f"# {escaped(source.name)}",
        f"A GPT of {parameters:,} parameters that reads and writes {source.tokens.described}, trained with "
        f"tinygpt-tui on the text {escaped(corpus.name)}, as it was at step {source.step:,}.",
        _use(source),
        "## Text",
        _table(
            ("name", escaped(corpus.name)),
            ("source", escaped(corpus.source)),
            ("license", escaped(corpus.license)),
            ("characters", _characters(source)),
            *_tokens(source),
            ("trained on", escaped(_trained_on(source) or "all but the held-out part")),
            ("sha256", corpus.sha256 if corpus.sha256.isalnum() else ""),
        ),
        "## Loss",
        _loss(source),
        "## Compared with the run's own model",
        _table(
            ("largest difference of two logits", f"{proof.largest_difference:.1e}"),
            ("largest logit", f"{proof.largest_logit:.1f}"),
            ("over", f"{proof.characters:,} {source.noun}s of the validation part"),
            (
                "prompts continued with the same text",
                f"{proof.equal_prompts} of {proof.prompts}, for {proof.written} {source.noun}s, the "
                "likeliest each time",
            ),
        ),
        "The files of this folder were read back, and computed by the definition of the family "
        "(Apertus).",
        "## What it cannot do",
        "\n".join(f"- {line}" for line in (*notes, *_limits(source))),
        "## Settings",
        _settings(source),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(source: Source) -> str:
    level = {"characters": ["character-level"], "bytes": ["byte-level"], "bpe": []}
    tags = "\n".join(f"- {tag}" for tag in ["tinygpt-tui", *level[source.tokens.kind]])
    return f"""---
library_name: transformers
pipeline_tag: text-generation
tags:
{tags}
---"""


def _use(source: Source) -> str:
    """How it is used: lines of Python."""
    opening = default_prompt(source.info.corpus.name, source.text)
    known = source.tokenizer.split_known(opening)[0] or source.tokenizer.characters[0]
    prompt = known[
        : max(1, source.context_length // 2)
    ]  # the rest of the context is for the answer
    return f"""```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # where this README.md is
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
prompt = tokenizer({prompt!a}, return_tensors="pt")
ids = model.generate(**prompt, max_length={source.context_length})
print(tokenizer.decode(ids[0]))
```"""


def _characters(source: Source) -> str:
    distinct = f"{len(source.info.corpus.characters):,} distinct"
    if source.info.trained_on is not None:  # the text is not here
        return distinct
    return f"{len(source.text):,}, of which {distinct}"


def _tokens(source: Source) -> list[tuple[str, str]]:
    """What its tokens are, unless they are its characters."""
    tokens = source.tokens
    if tokens.kind == "characters":
        return []
    return [("tokens", f"{tokens.number:,}, of {tokens.characters_each:.2f} characters on average")]


def _trained_on(source: Source) -> str:
    other = source.info.other
    return in_words(source.info.config.text, other.name if other else "")


def _loss(source: Source) -> str:
    if source.loss is None:
        return "These weights were not evaluated."
    loss, tokens = source.loss, source.tokens
    per_byte = tokens.bits_per_byte(loss)
    return _table(
        ("validation loss", f"{loss:.4f} nats a {tokens.noun}"),
        *([] if per_byte is None else [("bits a byte", f"{per_byte:.4f}")]),
        ("bits a character", f"{tokens.bits_per_character(loss):.4f}"),
        ("a uniform guess", f"{math.log(len(source.tokenizer)):.4f} nats"),
    )


def _limits(source: Source) -> list[str]:
    return [
        "It ends no text by itself: there is no token for an end.",
        "It imitates its text. It knows no facts, follows no instructions, and nobody has looked "
        "at what it may write.",
    ]


def _settings(source: Source) -> str:
    config = source.info.config
    rows = [
        (f"`{setting.key}`", _value(config, setting.key))
        for section in SECTIONS.values()
        for setting in settings_of(section)
    ]
    return _table(("preset", escaped(config.preset)), *rows)


def _value(config: RunConfig, key: str) -> str:
    section, _, name = key.partition(".")
    value = getattr(getattr(config, section), name)
    return value if isinstance(value, str) else plain(value)


def _table(*rows: tuple[str, str]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])
