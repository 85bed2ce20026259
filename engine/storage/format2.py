"""Format 2 of `run.json`, which version 0.1 wrote. Format 3 renamed some fields of the config.

Checkpoints, manifests and histories have the same form in both.
"""

import msgspec
from msgspec import Raw

RENAMED = {
    "model": {"width": "n_embd"},
    "train": {
        "growth": "context_warmup",
        "warmup": "warmup_fraction",
        "decay": "decay_fraction",
        "validation": "val_fraction",
    },
}
"""By section: the name in format 2, and the name in format 3."""


def renamed_to_format_3(content: bytes) -> bytes:
    """The JSON of a format 2 `run.json` with the field names of format 3; values stay as they are.

    ValueError or RecursionError if it is not the JSON of a config, or has a field of format 3.
    """
    info = msgspec.json.decode(content, type=dict[str, Raw])
    config = msgspec.json.decode(info.get("config", Raw(b"{}")), type=dict[str, Raw])
    for section, names in RENAMED.items():
        fields = msgspec.json.decode(config.get(section, Raw(b"{}")), type=dict[str, Raw])
        if unknown := fields.keys() & set(names.values()):
            raise ValueError(f"Format 2 has no field `{section}.{min(unknown)}`")
        renamed = {names.get(name, name): value for name, value in fields.items()}
        config[section] = Raw(msgspec.json.encode(renamed))
    info["config"] = Raw(msgspec.json.encode(config))
    return msgspec.json.encode(info)
