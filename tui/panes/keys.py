"""The footer: the keys that do something here."""

from textual.widgets import Footer


class Keys(Footer):
    """The footer. Textual's keeps hold of every key that it ever showed, and it is made anew at
    each change of focus (textual #6666)."""

    async def recompose(self) -> None:
        await super().recompose()
        self.mutate_reactive(Footer.compact)  # those that are gone are forgotten when it is told
