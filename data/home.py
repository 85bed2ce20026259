"""Where this program keeps what it saves."""

import os
from pathlib import Path


def home() -> Path:
    """TINYGPT_HOME, or the platform's data folder."""
    from_environment = os.environ.get("TINYGPT_HOME")
    if from_environment:
        return Path(from_environment).expanduser()
    import platformdirs  # seldom needed

    return Path(platformdirs.user_data_dir("tinygpt-tui"))
