"""Rows of text as the lines of a table."""

from collections.abc import Sequence


def table_lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest cell, two blanks apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{x:<{n}}" for x, n in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
