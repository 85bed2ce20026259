"""How many characters a text is made of is known before it is opened."""

from pathlib import Path

import pytest

from data import catalog, preview
from data.preview import Preview


def test_a_small_text_is_counted_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("abcabc\r\nд\n", encoding="utf-8")
    assert preview.preview(str(file)) == Preview(5, whole=True)
    assert preview.preview(str(tmp_path)) == Preview(5, whole=True)
    assert preview.preview("tales") == Preview(len(set(catalog.load("tales").text)), whole=True)


def test_a_large_text_is_counted_at_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "PREVIEW_BYTES", 10)
    (tmp_path / "a.txt").write_text("abc\nдд\nxyz\n", encoding="utf-8")
    assert preview.preview(str(tmp_path / "a.txt")) == Preview(5, whole=False)

    (tmp_path / "0.txt").write_bytes(b"\0\0\0")  # is left out
    (tmp_path / "b.txt").write_text("later", encoding="utf-8")
    assert preview.preview(str(tmp_path)) == Preview(4, whole=False)


def test_what_cannot_be_opened_is_refused_with_the_same_words(tmp_path: Path) -> None:
    for name in ("", "nowhere.txt", "~nobody/a.txt", "a\0b.txt", str(tmp_path)):
        with pytest.raises(ValueError, match=r".") as of_preview:
            preview.preview(name)
        with pytest.raises(ValueError, match=r".") as of_catalog:
            catalog.load(name)
        assert str(of_preview.value) == str(of_catalog.value)


def test_a_text_of_too_many_characters_is_refused_in_the_form_too(tmp_path: Path) -> None:
    file = tmp_path / "unicode.txt"
    file.write_text("".join(map(chr, range(0x10000, 0x1F000))), encoding="utf-8")
    with pytest.raises(ValueError, match="has 61,440 different characters"):
        preview.preview(str(file))


def test_what_is_too_large_to_open_is_refused_with_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MAX_BYTES", 1_000)
    monkeypatch.setattr(preview, "MAX_KEPT_BYTES", 1_000)
    monkeypatch.setattr(preview, "PREVIEW_BYTES", 9)
    file = tmp_path / "a.txt"
    file.write_text("ab\n" * 1_000, encoding="utf-8")
    with pytest.raises(ValueError, match="can be read") as of_preview:
        preview.preview(str(file))
    with pytest.raises(ValueError, match="can be read") as of_catalog:
        catalog.load(str(file))
    assert str(of_preview.value) == str(of_catalog.value)


def test_a_large_file_that_is_no_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "PREVIEW_BYTES", 9)
    (tmp_path / "a.bin").write_bytes(b"\0" * 20)
    with pytest.raises(ValueError, match=r"'a.bin' is a binary file"):
        preview.preview(str(tmp_path / "a.bin"))
