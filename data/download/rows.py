"""Reads a column of a dataset of the Hugging Face Hub, from the Parquet files that the Hub has of
nearly every dataset. Only the parts of the files that hold the column are fetched, and no code of
the dataset is run."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.download import hub
from data.download.copies import Copy, copy_of, folder_of, keep, renew
from data.download.progress import Control, Progress, megabytes
from data.safe_text import safe_text

CONVERTED = "refs/convert/parquet"
"""Where the Hub keeps the Parquet files that it makes itself."""
ROWS = 500
"""Rows that are read at a time."""
_MISSING = (
    "Datasets of the Hugging Face Hub are read by packages that are not installed: "
    "pip install 'tinygpt-tui[hf]'"
)


class _Files(NamedTuple):
    """The Parquet files of one split of a dataset."""

    revision: str
    paths: Sequence[str]
    version: str  # the commit


def fetch_rows(address: str, limit: int, control: Control, *, again: bool) -> Copy:
    """Read a column into a file, row after row with a blank line between, up to `limit` bytes.

    ValueError, with a user-facing message, if there is no such dataset or column, or it cannot be
    reached; OSError from the disk.
    """
    try:
        import pyarrow
        from huggingface_hub import HfApi, HfFileSystem, errors
    except ImportError:
        raise ValueError(_MISSING) from None
    dataset = hub.parsed(address)
    finished = folder_of(address) / "rows"
    control.report(Progress(hub.page(dataset), 0, -1))
    try:
        files = _files_of(HfApi(endpoint=hub.endpoint()), dataset, errors)
        known = copy_of(address) if again else None
        if known is not None and known.validator == files.version:
            return renew(known)
        system = HfFileSystem(endpoint=hub.endpoint())
        return _kept(address, dataset, files, _rows(system, dataset, files), limit, control)
    except errors.RepositoryNotFoundError:
        raise ValueError(
            f"{hub.host()} has no dataset {dataset.repository}, or does not give it to everybody."
        ) from None
    except pyarrow.ArrowException as error:
        raise ValueError(f"{dataset.repository} cannot be read: {_first_line(error)}") from None
    except (errors.HTTPError, ConnectionError, TimeoutError) as error:
        raise ValueError(f"{hub.host()} cannot be reached: {_first_line(error)}") from None
    finally:
        finished.unlink(missing_ok=True)


def _files_of(api: Any, dataset: hub.Dataset, errors: Any) -> _Files:
    """The files of the first split: "train" in the configuration "default", where there are these."""
    for revision in (CONVERTED, "main"):
        try:
            info = api.dataset_info(dataset.repository, revision=revision)
        except errors.RevisionNotFoundError:
            continue
        paths = sorted(
            each.rfilename for each in info.siblings if each.rfilename.endswith(".parquet")
        )
        if paths:
            return _Files(revision, _first_split(paths), info.sha or "")
    raise ValueError(f"The Hub has no Parquet files of {dataset.repository}, which are read here.")


def _first_split(paths: Sequence[str]) -> Sequence[str]:
    """The files of one folder, those of the split "train" if they name it."""
    folders = sorted(
        {path.rpartition("/")[0] for path in paths},
        key=lambda folder: ("default" not in folder, "train" not in folder, folder),
    )
    found = [path for path in paths if path.rpartition("/")[0] == folders[0]]
    train = [path for path in found if "train" in path.rpartition("/")[2]]
    return train or found


class _Column(NamedTuple):
    """A column, and its values, in batches."""

    name: str
    batches: Iterator[list[str | None]]


def _rows(system: Any, dataset: hub.Dataset, files: _Files) -> _Column:
    """The column with the text. ValueError, with a user-facing message, if there is none."""
    import pyarrow
    from pyarrow import parquet

    def opened(path: str) -> Any:
        place = f"datasets/{dataset.repository}/{path}"
        # Without a cache, which would read ahead into other columns.
        return parquet.ParquetFile(
            system.open(place, "rb", revision=files.revision, cache_type="none")
        )

    first = opened(files.paths[0])
    kinds = (pyarrow.types.is_string, pyarrow.types.is_large_string)
    texts = [field.name for field in first.schema_arrow if any(is_(field.type) for is_ in kinds)]
    name = dataset.column or ("text" if "text" in texts else "".join(texts[:1]))
    if name not in texts:
        which = f"column '{safe_text(name)}' with text" if name else "column with text"
        others = f": it has {safe_text(', '.join(texts))}" if texts else ""
        raise ValueError(f"{dataset.repository} has no {which}{others}.")

    def batches() -> Iterator[list[str | None]]:
        for number, path in enumerate(files.paths):
            file = opened(path) if number else first
            for batch in file.iter_batches(ROWS, columns=[name]):
                yield batch.column(0).to_pylist()

    return _Column(name, batches())


def _kept(
    address: str,
    dataset: hub.Dataset,
    files: _Files,
    column: _Column,
    limit: int,
    control: Control,
) -> Copy:
    """Write the column into a file, and make that the copy."""
    path: Path = folder_of(address) / "rows"
    digest, size, note = hashlib.sha256(), 0, ""
    with path.open("wb") as file:
        for values in column.batches:
            control.check()
            for value in filter(None, values):
                row = f"{value.strip()}\n\n".encode("utf-8", "replace")
                if size + len(row) > limit:
                    note = f"the first {megabytes(size)} of it (--download-limit)"
                    break
                file.write(row)
                digest.update(row)
                size += len(row)
            control.report(Progress(hub.page(dataset), size, -1))
            if note:
                break
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise ValueError(
            f"The column {safe_text(column.name)} of {dataset.repository} is empty, or its first row "
            f"is larger than {megabytes(limit)}."
        )
    split = files.paths[0].rpartition("/")[0] or files.paths[0]
    url = f"{hub.page(dataset)}, {split}, column {column.name}"
    copy = Copy(address, url, digest.hexdigest(), size, time.time(), files.version, note=note)
    keep(copy, path)
    return copy


def _first_line(error: BaseException) -> str:
    return safe_text(str(error).strip().partition("\n")[0] or type(error).__name__)
