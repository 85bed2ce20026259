"""Keys that are no UTF-8, which Textual's decoder takes for an error that ends the app: a paste of
old text, or a Latin-1 keyboard."""

import codecs
import sys
from functools import partial


def patch_utf8_decoder() -> None:
    """Have what cannot be decoded read as U+FFFD, where Textual reads from a terminal."""
    if sys.platform != "win32":
        from textual.drivers import linux_driver

        def decoder(encoding: str) -> partial[codecs.IncrementalDecoder]:
            return partial(codecs.getincrementaldecoder(encoding), errors="replace")

        vars(linux_driver)["getincrementaldecoder"] = decoder
