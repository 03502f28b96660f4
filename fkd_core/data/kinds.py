"""What a file is that is no CSV file, told by how it begins."""

from __future__ import annotations

import re

BOM = b"\xef\xbb\xbf"
"""The mark with which some programs begin UTF-8 text."""
HEAD = 4096
"""Bytes that tell."""

NO_TEXT = "not a text file; give it as CSV"
ZIP = "a zip archive or a spreadsheet; unpack or export it"
_BINARY = (
    (rb"PK(\x03\x04|\x05\x06|\x07\x08)", ZIP),
    (rb"\x1f\x8b", "packed with gzip; unpack it with `gunzip`, or let its name end in .gz"),
    (rb"BZh[1-9]", "packed with bzip2; unpack it with `bunzip2`, or let its name end in .bz2"),
    (rb"\xfd7zXZ\0", "packed with xz; unpack it with `unxz`, or let its name end in .xz"),
    (rb"\x28\xb5\x2f\xfd", "packed with Zstandard; unpack it with `unzstd`"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (rb"Rar!\x1a\x07", "a RAR archive; unpack it"),
    (rb".{257}ustar", "a tar archive; unpack it"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file; save it as CSV"),
    (rb"PAR1", "a Parquet file; save it as CSV"),
    (rb"ARROW1|FEA1|\xff\xff\xff\xff", "an Arrow or Feather file; save it as CSV"),
    (rb"\x89HDF", "an HDF5 file; save it as CSV"),
    (rb"SQLite format 3", "an SQLite database; export its table as CSV"),
    (rb"\x93NUMPY", "a NumPy array; save it as CSV"),
    (rb"\x80[\x02-\x05]", "a Python pickle; save it as CSV"),
    (rb"MATLAB 5\.0 MAT", "a MATLAB file; save it as CSV"),
    (rb"%PDF|\x89PNG|\xff\xd8\xff|GIF8", "a document or picture, not a CSV file"),
    (rb"\xff\xfe|\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (rb"\0+\Z", "nothing but zero bytes: it was lost when saved; download or save it again"),
    (rb"(\0[^\0]){8}|([^\0]\0){8}", "text with zero bytes between (UTF-16?); save it as UTF-8"),
)
_TEXT = (
    (rb"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (rb"<{7}", "marked by git with a conflict; take the file of one side"),
    (rb"<", "a web page (or XML), not a CSV file; log in and download it again"),
    (rb"\{\\rtf", "an RTF document; save it as CSV, in plain text"),
    (rb"\[(InternetShortcut|Desktop Entry)\]", "a link, not the file itself; download that"),
    (rb"[{\[]", "JSON, not a CSV file; download or save it again"),
    (
        rb"[^\n\r]*(\xe2\x80[\xa8\xa9]|\xc2\x85)",
        "text whose lines end with U+2028 or NEL; save it with usual line ends (LF)",
    ),
    (rb"[^\n\r]*[\x00-\x08\x0b\x0c\x0e-\x19\x1b-\x1f]", NO_TEXT),
)
"""How files begin that are something else, and what to say of them; the first that fits."""


def kind_of(head: bytes) -> str | None:
    """What a file with these first HEAD bytes is, and what to do; None for what may be CSV."""
    text = head[:HEAD]
    while text.startswith(BOM):
        text = text.removeprefix(BOM)
    for kinds, begins in ((_BINARY, text), (_TEXT, text.lstrip())):
        for pattern, kind in kinds:
            if re.match(pattern, begins, re.DOTALL):
                return kind
    return None
