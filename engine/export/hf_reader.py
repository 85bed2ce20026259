"""Reads a folder that was exported for transformers. It may come from anybody: whatever is not as
this program writes it is refused, nothing in it is executed, and no more is read than there may be.
"""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

from data.safe_text import safe_text
from engine.export.apertus import check_family, is_constant, named_tensors
from engine.export.hf import WEIGHTS, config_json
from engine.export.hf_settings import SETTINGS, Settings, settings_in
from engine.export.reference import Reference, Shape
from engine.export.source import ReadBack
from engine.export.tokenizer_json import token_bytes, tokenizer_in
from engine.model.size import on_meta
from engine.model.tokenizer import Tokenizer
from engine.model.tokenizer_file import FILE_LIMIT
from engine.storage.manifest import HEADER_LIMIT, DamagedError
from engine.storage.run_info import INFO_LIMIT, TOKENIZER_FILE
from engine.storage.tensors import tensors_in

CONFIG_LIMIT = 1 << 16
"""Bytes read of a `config.json`; a genuine one has about a thousand."""


class Folder(NamedTuple):
    """What an exported folder says of its model."""

    path: Path
    settings: Settings
    config: dict[str, Any]
    """`config.json`."""
    tokenizer: Tokenizer


def read(path: Path) -> ReadBack:
    """The model as the family defines it, by the numbers in the files."""
    folder = read_folder(path)
    return ReadBack(reference(folder, read_tensors(folder)).logits, token_bytes(folder.tokenizer))


def reference(folder: Folder, tensors: Mapping[str, Tensor]) -> Reference:
    """The model of a folder as the family defines it."""
    config = folder.config
    shape = Shape(
        n_layer=config["num_hidden_layers"],
        n_head=config["num_attention_heads"],
        epsilon=config["rms_norm_eps"],
        rope_theta=config["rope_theta"],
        tied_head=config["tie_word_embeddings"],
    )
    return Reference(shape, tensors)


def read_folder(path: Path) -> Folder:
    """Everything but the weights. ValueError, with a user-facing message, for a folder that this
    program did not export, or that has been changed; OSError."""
    config = _object(_file(path, "config.json", CONFIG_LIMIT))
    family = config.get("model_type")
    if family != "apertus":
        named = safe_text(str(family)[:40])
        raise ValueError(
            f"This is a model of the family {named!r}: only folders that tinygpt-tui exported can be "
            "imported (family 'apertus')."
        )
    if not (path / SETTINGS).exists():
        raise ValueError(
            f"This model was not exported by tinygpt-tui: the folder has no {SETTINGS}."
        )
    settings = settings_in(_file(path, SETTINGS, INFO_LIMIT))
    tokenizer = tokenizer_in(_file(path, TOKENIZER_FILE, FILE_LIMIT), settings)
    check_family(settings.config.model)
    longest = settings.config.model.context_length
    if settings.context_length > longest:
        raise ValueError(f"{SETTINGS} does not fit: a context longer than {longest:,} tokens.")
    expected = config_json(settings.config.model, len(tokenizer), settings.context_length)
    for key, value in expected.items():
        if config.get(key, ...) != value:
            shown = safe_text(str(config.get(key, "missing"))[:40])
            raise ValueError(f"config.json does not fit {SETTINGS}: {key} is {shown}, not {value}.")
    return Folder(path, settings, config, tokenizer)


def read_tensors(folder: Folder) -> dict[str, Tensor]:
    """All tensors of the family, in float32, by their names in transformers. ValueError, with a
    user-facing message, if they are not those of this model; OSError."""
    settings = folder.settings
    model = on_meta(settings.config.model, len(folder.tokenizer))
    expected = dict(named_tensors(model))
    size = sum(4 * tensor.numel() for tensor in expected.values())
    content = _file(folder.path, WEIGHTS, size + HEADER_LIMIT)
    if hashlib.sha256(content).hexdigest() != settings.sha256:
        raise ValueError(f"{WEIGHTS} has been changed since it was exported.")
    try:
        tensors = tensors_in(content, WEIGHTS)
    except DamagedError as error:
        raise ValueError(f"It cannot be read: {error}.") from None
    for name in sorted(tensors.keys() | expected.keys()):
        ours, theirs = expected.get(name), tensors.get(name)
        if ours is None or theirs is None:
            raise ValueError(f"{WEIGHTS} does not fit config.json: {safe_text(name[:80])}.")
        if ours.shape != theirs.shape or theirs.dtype != torch.float32:
            raise ValueError(f"{WEIGHTS} does not fit config.json: shape or type of {name}.")
        if not theirs.isfinite().all():
            raise ValueError(f"{WEIGHTS} has numbers that are not finite: {name}.")
        if is_constant(name) and not torch.equal(ours, theirs):
            raise ValueError(f"The model has a trained {name}: models here have none.")
    return tensors


def _object(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"config.json cannot be read: {error}.") from None


def _file(folder: Path, name: str, limit: int) -> bytes:
    """The content of a plain file. ValueError, with a user-facing message; no link is followed."""
    path = folder / name
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError(f"{name} is no plain file.")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise ValueError(f"The folder {safe_text(str(folder))} has no {name}.") from None
    if len(content) > limit:
        raise ValueError(f"{name} is larger than that of such a model can be.")
    return content
