"""Numbers as the screen shows them, in widths that change little."""


def count(number: float) -> str:
    """A whole number with thousands separators: 1,115,394."""
    return f"{round(number):,}"


def counted(number: float, noun: str) -> str:
    """A number of things: 1 thread, 2 threads, 1,115,394 characters."""
    return f"{count(number)} {noun}{'' if round(number) == 1 else 's'}"


def short(number: float) -> str:
    """A number of parameters: 0.80M, 106K, 12."""
    if number >= 500_000:
        return f"{number / 1e6:.2f}M" if number < 9.95e6 else f"{number / 1e6:.1f}M"
    return f"{number / 1e3:.0f}K" if number >= 1_000 else f"{number:.0f}"


def rate(number: float) -> str:
    """A learning rate: 0.0300, 0.00732, 0.00001."""
    return f"{number:#.3g}" if number >= 0.001 else f"{number:.5f}"


def duration(seconds: float) -> str:
    """A duration: 42s, 3m 02s, 1h 05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3_600:,}h {whole % 3_600 // 60:02}m"


def size(number: float) -> str:
    """Bytes: 812 KB, 3.2 MB, 1.4 GB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if number >= factor:
            value = number / factor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    return f"{number / 1e3:.0f} KB"


def known_loss(loss: float | None) -> str:
    """A loss as lists and tables show it: 1.4465, or a dash where there is none."""
    return "-" if loss is None else f"{loss:.4f}"


def bar(fraction: float, width: int) -> str:
    """A bar of block characters, `width` cells long at fraction 1, to an eighth of a cell."""
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]


def character(text: str) -> str:
    """A character in one cell: a space, a line break and a tab have pictures."""
    return {" ": "␠", "\n": "␊", "\t": "␉"}.get(text, text)
