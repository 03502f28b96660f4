"""Likely causes of what is wrong in a row or a cell of a CSV file, in words for an error."""

from __future__ import annotations

import re

from fkd_core.data.kinds import BOM

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
"""What stands between cells in place of commas, and how it is called."""
WITH_COMMAS = "save it with commas between cells, and points within numbers"

_LINES = (
    (rb"<{7}|={7}|>{7}", "this is git's mark of a conflict; take the file of one side"),
    (rb"\(?\d+ rows?\b", "this is a database's count of rows; take the line out"),
    (rb"#|//|%|--|[-+|= \t]+\Z", "this is no row but a comment; take the line out"),
)
"""How lines begin that are no rows."""
_DECIMAL_COMMA = re.compile(rb"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(rb"\d{1,3}(,\d{3})+")


def of_misfit(line: bytes, count: int, width: int) -> str:
    """Why a row has `count` cells where the header has `width`, and what to do."""
    if b"\0" in line:
        return "it holds zero bytes: the file was damaged when saved; download or save it again"
    for pattern, cause in _LINES:
        if re.match(pattern, line.strip()):
            return cause
    for separator, called in SEPARATORS.items():
        if separator != " " and line.count(separator.encode()) >= max(1, width - 2):
            return f"its cells are separated by {called}, the header's by commas; {WITH_COMMAS}"
    if count < width:
        return "the row is cut short; download or save it again"
    if count == width + 1:
        return "are there commas within its numbers, or a column that the header does not name?"
    return "are there commas within its numbers, or two rows in one?"


def of_no_number(column: str, word: bytes, wanted: str, may_lack: bool = False) -> str:
    """What is wrong with a word in this column, where `wanted` should be or, if it `may_lack`,
    nothing; and what to do."""
    shown = repr(word[:30].decode("utf-8", "backslashreplace"))
    if word.removeprefix(BOM) == column.encode():
        return f"{shown} is the header again; are there two files in one?"
    if b";" in word:
        return f"{shown} holds a semicolon, and cells are separated by commas; {WITH_COMMAS}"
    if not may_lack and _THOUSANDS.fullmatch(word):
        hint = f"; are these thousands? Write {word.replace(b',', b'').decode()}"
    elif _DECIMAL_COMMA.fullmatch(word):
        hint = "; is this a decimal comma? Write a point"
    elif may_lack and not re.search(rb"\d", word):
        hint = "; where there is no value, leave the cell empty"
    else:
        hint = ""
    return f"{shown} is not {wanted}{hint}"
