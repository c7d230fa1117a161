"""Every refusal of a table, and the same file mended as it says, which then loads."""

import gzip

import numpy as np
import pytest

from gparticles import data

GOOD = "x,y\n1,2\n3,4\n"
PACKED = gzip.compress(GOOD.encode())

# what a user has, a part of what is said, and the file after doing so; a name where it changes
PAIRS = {
    "trailing": ("a,b,\n1,2,\n3,4,\n", "at the ends of the rows", "a,b\n1,2\n3,4\n"),
    "trailing in rows alone": ("a,b\n1,2,\n3,4,\n", "beyond column 2", "a,b\n1,2\n3,4\n"),
    "trailing in some rows": ("a,b\n1,2\n3,4,,\n", "beyond column 2", "a,b\n1,2\n3,4\n"),
    "trailing in the header": ("a,b,,\n1,2\n3,4\n", "beyond column 2", "a,b\n1,2\n3,4\n"),
    "trailing, no header": ("1,2,\n3,4,\n", "beyond column 2", "1,2\n3,4\n"),
    "no name but values": ("a,,\n1,2,3\n3,4,5\n", "columns 2, 3; give", "a,b,c\n1,2,3\n3,4,5\n"),
    "an empty column": ("a,,c\n1,,3\n4,,6\n", "or remove it", "a,c\n1,3\n4,6\n"),
    "names twice": ("x,x,y,y\n1,2,3,4\n3,4,5,6\n", '"x", "y"', "x,x2,y,y2\n1,2,3,4\n3,4,5,6\n"),
    "one comma": ('x,y\n1,"2,590"\n3,"4,100"\n', "write 2590 if", "x,y\n1,2590\n3,4100\n"),
    "or of decimals": ('x,y\n1,"2,590"\n3,"4,1"\n', "and 2.590 if", "x,y\n1,2.590\n3,4.1\n"),
    "thousands": ('x,y\n1,"2,590.5"\n3,"4"\n', "as 2590.5", "x,y\n1,2590.5\n3,4\n"),
    "millions": ('x,y\n1,"-1,002,590"\n3,"4"\n', "as -1002590", "x,y\n1,-1002590\n3,4\n"),
    "decimals": ('x,y\n1,"0,590"\n3,"4,5"\n', "as 0.590", "x,y\n1,0.590\n3,4.5\n"),
    "both": ('x,y\n1,"1.002,5"\n3,"4,5"\n', "as 1002.5", "x,y\n1,1002.5\n3,4.5\n"),
    "unquoted": ("x,y\n1,2,590\n3,4,100\n", "a name for each column", "x,y,z\n1,2,590\n3,4,100\n"),
    "unquoted, later": ("x,y\n1,2\n3,4,100\n", "no separator in numbers", "x,y\n1,2\n3,4100\n"),
    "names of rows": ("x,y\nr1,1,2\nr2,3,4\n", "such as id", "id,x,y\nr1,1,2\nr2,3,4\n"),
    "a title": ("My results\nx,y\n1,2\n3,4\n", "remove what stands above", GOOD),
    "comments": ("# of mine\n# two\nx,y\n1,2\n3,4\n", "remove what stands above", GOOD),
    "a comment": ("x,y\n1,2\n# or so\n3,4\n", "or remove it", GOOD),
    "a title of two cells": ("My, own\nx,y,z\n1,2,3\n3,4,5\n", "above", "x,y,z\n1,2,3\n3,4,5\n"),
    "missing": ("x,y\n1,\n3,4\n5,6\n", "remove the row or the column", "x,y\n3,4\n5,6\n"),
    "a column without values": ("x,y,z\n1,,3\n4,,6\n", "or the column", "x,z\n1,3\n4,6\n"),
    "infinite": ("x,y\n1,inf\n3,4\n5,6\n", "remove the row", "x,y\n3,4\n5,6\n"),
    "too large": (f"x,y\n1,{'9' * 50_000}\n3,4\n5,6\n", "infinite", "x,y\n3,4\n5,6\n"),
    "text": ("x,y,z\n1,2,u\n3,4,v\n", "or remove it", "x,y\n1,2\n3,4\n"),
    "an empty row": ("x,y\n1,2\n\n3,4\n", "row 3 is empty", GOOD),
    "rows of separators": ("x,y\n1,2\n3,4\n,\n,\n", "rows 4 to 5 are empty", GOOD),
    "blanks for a row": ("x,y\n1,2\n  \n3,4\n", "row 3 is empty", GOOD),
    "an empty last cell": ('x\n1\n2\n""\n', "row 4 is empty", "x\n1\n2\n"),
    "semicolons": ("x;y\n1;2\n3;4\n", "save it with commas", GOOD),
    "semicolons and decimals": ("x;y\n1,5;2\n3;4\n", "decimals with a point", "x,y\n1.5,2\n3,4\n"),
    "tabs": ("x\ty\n1\t2\n3\t4\n", "to end in .tsv", ("x\ty\n1\t2\n3\t4\n", "a.tsv")),
    "tabs and decimals": ("x\ty\n1,5\t2\n3\t4\n", "decimals with a point", "x,y\n1.5,2\n3,4\n"),
    "bars": ("x|y\n1|2\n3|4\n", "separated by bars", GOOD),
    "blanks": ("x y\n1  2\n3 4\n", "separated by blanks", GOOD),
    "a quote": ('x,y\n1,2\n3,"4\n', "mend its quotes", GOOD),
    "gzipped": (PACKED, "end in .csv.gz", (PACKED, "a.csv.gz")),
    "UTF-16": (GOOD.encode("utf-16"), "save it as UTF-8", GOOD),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), "save it as UTF-8", GOOD),
    "Latin 1": ("größe,y\n1,2\n3,4\n".encode("latin-1"), "save it as UTF-8", "größe,y\n1,2\n3,4\n"),
    "one row": ("x,y\n1,2\n", "give at least two", GOOD),
    "no rows": ("x,y\n", "give at least two", GOOD),
    "nothing": ("", "at least two rows", GOOD),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_said_leads_to_a_file_that_loads(tmp_path, refused, name):
    bad, part, mended = PAIRS[name]
    path = tmp_path / "a.csv"
    path.write_bytes(bad if isinstance(bad, bytes) else bad.encode())
    refused(lambda: data.load(path), str(path), part)
    content, new = mended if isinstance(mended, tuple) else (mended, "a.csv")
    (tmp_path / new).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert np.isfinite(data.load(tmp_path / new).values).all()


def test_a_plain_file_that_is_called_gzipped(tmp_path, refused):
    path = tmp_path / "a.csv.gz"
    path.write_text(GOOD)
    refused(lambda: data.load(path), "is not gzipped", "end in .csv")
    path.write_bytes(gzip.compress(b"x\ty\n1\t2\n3\t4\n"))
    refused(lambda: data.load(path), "rename it to end in .tsv.gz")
    assert len(data.load(path.rename(tmp_path / "a.tsv.gz"))) == 2


def test_a_workbook_that_is_called_csv(tmp_path, refused):
    path = tmp_path / "a.csv"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    refused(lambda: data.load(path), "is a workbook", "export the sheet as csv")


def test_a_column_is_not_both_label_and_identifier(csv, refused):
    path = csv("x,who\n1,a\n2,b\n")
    call = lambda: data.load(path, id_column="who", label_column="who")  # noqa: E731
    refused(call, 'column "who" is named twice')


def test_an_empty_last_cell_of_the_first_row_loses_no_rows(csv):
    table = data.load(csv("7,2,\n3,4,b\n5,6,c\n"), label_column="3", label_gaps=True)
    assert len(table) == 3
    assert table.labels is not None
    assert table.labels.tolist() == ["", "b", "c"]
