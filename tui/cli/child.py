"""How this program calls itself as a child process."""

import sys

CHILD = (sys.executable, "-P", "-m", "tinygpt_tui")
"""The words before those of the command; not by `tui`, which PYTHONPATH may have another of."""
