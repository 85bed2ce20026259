"""The terminal interface. Never imports torch: the engine thread does, after the first paint."""

import sys
from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"

# `data` and `engine` are those beside this package, whatever else is named so in the current folder
# or in PYTHONPATH. The folder does not stay on the path, where it would come before the standard
# library.
sys.path.insert(0, str(Path(__file__).parents[1]))
for _name in ("data", "engine"):
    import_module(_name)
del sys.path[0]
