"""Elements of HTML and SVG. Every text in them is escaped, and safe to draw."""

from xml.etree.ElementTree import Element, tostring

from data.safe_text import safe_text


def element(tag: str, /, *children: Element | str | None, **attributes: object) -> Element:
    """An element with its children; None is left out. An underscore in the name of an attribute
    stands for a hyphen, or for nothing at its end: class_."""
    made = Element(tag, {_attribute(key): _text(value) for key, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif child is not None and last is None:
            made.text = (made.text or "") + _text(child)
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + _text(child)
    return made


def document(root: Element) -> bytes:
    """A page as the content of a file."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n".encode()


def table(
    caption: str, head: tuple[str, ...], *rows: tuple[Element | str, ...], class_: str = "data"
) -> Element:
    """A table whose first column names the row."""
    return element("div", _table(caption, head, rows, class_), class_="scroll")


def _table(
    caption: str, head: tuple[str, ...], rows: tuple[tuple[Element | str, ...], ...], class_: str
) -> Element:
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *(element("th", word, scope="col") for word in head))),
        element(
            "tbody",
            *(
                element(
                    "tr",
                    element("th", row[0], scope="row"),
                    *(element("td", cell) for cell in row[1:]),
                )
                for row in rows
            ),
        ),
        class_=class_,
    )


def facts(*pairs: tuple[str, Element | str]) -> Element:
    """Names and values; those that are empty are left out."""
    terms = [
        element("div", element("dt", name), element("dd", value))
        for name, value in pairs
        if value != ""
    ]
    return element("dl", *terms)


def section(heading: str, *children: Element | str | None, level: int = 2) -> Element:
    """A part of the page under a heading."""
    return element("section", element(f"h{level}", heading), *children)


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _text(value: object) -> str:
    return safe_text(f"{value:.5g}" if isinstance(value, float) else str(value), lines=True)
