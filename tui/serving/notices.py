"""Pages of one sentence."""

from html import escape

from aiohttp import web

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">{refresh}
<title>tinygpt-tui</title>
<link rel="icon" href="data:,">
<style>
body {{ background: #16161d; color: #dcd7ba; font: 16px monospace; margin: 20vh auto; max-width: 42em;
        padding: 0 1em }}
</style>
<p>{sentence}</p>
</html>
"""


def notice(sentence: str, status: int, *, refresh: str = "") -> web.Response:
    """A page that says a sentence. `refresh`: after how many seconds the browser asks again, and
    where it then goes, as the HTML header has it."""
    again = f'\n<meta http-equiv="refresh" content="{escape(refresh)}">' if refresh else ""
    text = _PAGE.format(sentence=escape(sentence), refresh=again)
    return web.Response(text=text, status=status, content_type="text/html")
