"""The command `tinygpt-tui`, also as `python -m tinygpt_tui`.

`data`, `engine` and `tui` are common names, and what PYTHONPATH holds comes before what is
installed. This module has a name of its own, so it is found, and it takes `tui` from where it
belongs; `tui` does so with the other two. The wheel has it at its top, beside the packages.
"""

import gc
import sys
from pathlib import Path


def main() -> None:
    """Run the command line, which is loaded without garbage collection: what a module makes stays."""
    gc.disable()
    here = Path(__file__).parent
    installed = (here / "tui").is_dir()
    sys.path.insert(0, str(here if installed else here.parents[1]))
    import tui  # noqa: F401  # from this folder, which is then taken off the path again

    del sys.path[0]
    from tui.cli.start import main  # only now, when `tui` is ours

    main()


if __name__ == "__main__":
    main()
