"""The base of the parts of the app, each of which holds what the keys do to one subject.

For the type checker a part is a subclass of `EngineApp`. It runs as a plain class, which `TinyGPTApp`
inherits before `EngineApp`: for each subclass of its `App`, Textual collects the key bindings,
reactive attributes and compute methods of all classes above it, which would delay the first paint.

Textual calls the `on_...` method of each part that has one, but it finds `@on` only in subclasses of
its own classes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.engine_app import EngineApp

    class AppPart(EngineApp):
        """A subclass of `EngineApp`, for the type checker."""

else:

    class AppPart:
        """A plain class."""
