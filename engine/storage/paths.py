"""Where this program keeps its files."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """TINYGPT_HOME, or the platform's data folder."""
    named = os.environ.get("TINYGPT_HOME")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("tinygpt-tui"))
