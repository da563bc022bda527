"""Files that somebody else wrote: read whatever way Chinese offices save them, refused in one sentence each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import polars as pl


class FileRefused(ValueError):
    """A file can't be read or written; the message is one Chinese sentence saying which, where and why."""


def read_text(path: Path) -> str:
    """Text in UTF-8, with or without a byte order mark, or in GB 18030 (Excel's CSV). Raises FileRefused."""
    if path.is_dir():
        raise FileRefused(f"{path} 是一个文件夹，应当是文件。")
    if not path.exists():
        raise FileRefused(f"找不到文件 {path}。")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileRefused(f"读不了 {path}（{error.strerror}），请检查权限。") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused(f"{path} 既不是 UTF-8 也不是 GB 18030 编码，请另存为 UTF-8 的文本。")


def read_csv(
    path: Path, *, separators: str = ",", missing: Sequence[str] = (), as_text: bool = False
) -> pl.DataFrame:
    """A CSV file with a header; of several `separators` the one that the header has most of.

    missing: words that stand for an empty cell. as_text: leave every column as it is written.
    Raises FileRefused, with the line of the first row that does not fit the header.
    """
    text = read_text(path)
    header = text.split("\n", 1)[0]
    if not header.strip():
        raise FileRefused(f"{path} 没有表头：第一行应当是列名。")
    separator = max(separators, key=header.count)
    try:
        return pl.read_csv(
            text.encode(),
            separator=separator,
            null_values=list(missing),
            infer_schema=not as_text,
            infer_schema_length=None,
        )
    except pl.exceptions.PolarsError as error:
        raise FileRefused(f"{path} 不是有效的 CSV：{_first_fault(text, separator) or error}") from error


def read_parquet(path: Path) -> pl.DataFrame:
    """A Parquet file. Raises FileRefused."""
    if not path.is_file():
        raise FileRefused(f"找不到文件 {path}。")
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileRefused(f"{path} 不是有效的 Parquet 文件。") from error


def insist_writable(path: Path) -> None:
    """Raise FileRefused unless a file can be put there; asked before the work, not after it."""
    if path.is_dir():
        raise FileRefused(f"{path} 是一个文件夹，请写明文件名。")
    if not path.parent.is_dir():
        raise FileRefused(f"没有文件夹 {path.parent}，请先建立，或写到别处。")


def _first_fault(text: str, separator: str) -> str:
    rows = csv.reader(text.splitlines(), delimiter=separator)
    try:
        columns = len(next(rows))
        for row in rows:
            if len(row) > columns:
                return f"第 {rows.line_num} 行有 {len(row)} 个字段，表头只有 {columns} 列。"
    except csv.Error:
        return f"第 {rows.line_num} 行的引号或分隔符不成对。"
    return ""
