"""GEO's series matrices, fetched from a server in this process, and Bioconductor's bladder data."""

import gzip
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from gparticles import data
from gparticles.errors import InputError

SERIES = """!Series_title\t"Two samples"
!Sample_title\t"first"\t"second"
!Sample_geo_accession\t"GSM1"\t"GSM2"
!Sample_characteristics_ch1\t"er: pos"\t"age: 50"
!Sample_characteristics_ch1\t"age: 61"\t""
!series_matrix_table_begin
"ID_REF"\t"GSM1"\t"GSM2"
"1007_s_at"\t7.5\t8.25
"1053_at"\t\t3
"117_at"\t1e1\t-0.5
!series_matrix_table_end
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The folder that a local server shows, and its address; fetched files go elsewhere."""
    shown = tmp_path / "shown"
    (shown / "GSE12nnn" / "GSE12345" / "matrix").mkdir(parents=True)
    monkeypatch.setenv("GPARTICLES_DATA", str(tmp_path / "kept"))
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(shown)))
    threading.Thread(target=partial(serving.serve_forever, 0.02), daemon=True).start()
    yield (
        shown / "GSE12nnn" / "GSE12345" / "matrix" / "GSE12345_series_matrix.txt.gz",
        f"http://127.0.0.1:{serving.server_port}",
    )
    serving.shutdown()
    serving.server_close()


def check(study):
    assert study.samples == ("GSM1", "GSM2")
    assert study.genes == ("1007_s_at", "1053_at", "117_at")
    np.testing.assert_array_equal(study.values, [[7.5, np.nan, 10], [8.25, 3, -0.5]])
    assert study.values.dtype == np.float32
    assert study.attributes["title"].tolist() == ["first", "second"]
    assert study.attributes["er"].tolist() == ["pos", ""]
    assert study.attributes["age"].tolist() == ["61", "50"]


def test_a_series_is_fetched_once_and_must_not_change(server, tmp_path):
    file, address = server
    file.write_bytes(gzip.compress(SERIES.encode()))
    check(data.geo_series("GSE12345", address=address))
    kept = tmp_path / "kept" / file.name
    record = kept.with_name(f"{kept.name}.sha256").read_text()
    assert record.startswith("sha256:")
    # the copy on this machine serves from now on
    file.unlink()
    check(data.geo_series("GSE12345", address=address))
    # neither a copy nor a server that changed is believed
    kept.write_bytes(gzip.compress(SERIES.replace("7.5", "9.5").encode()))
    with pytest.raises(InputError, match="cannot be fetched"):
        data.geo_series("GSE12345", address=address)
    file.write_bytes(kept.read_bytes())
    with pytest.raises(InputError, match="is not the file it was"):
        data.geo_series("GSE12345", address=address)


def test_no_such_series(server):
    with pytest.raises(InputError, match=r"cannot be fetched .*404"):
        data.geo_series("GSE12345", address=server[1])
    for name in ("GDS5", "GSE", "gse26639", "../GSE1"):
        with pytest.raises(InputError, match="is no series of GEO"):
            data.geo_series(name)


def test_a_series_as_text(tmp_path):
    path = tmp_path / "series.txt"
    path.write_text(SERIES)
    check(data.read_series_matrix(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("!series_matrix_table_begin\n", ""), "holds no series_matrix_table"),
        (lambda t: t.split("!series_matrix_table_end")[0], "has no end"),
        (lambda t: t.replace("\t3\n", "\n"), "1 values for 2 samples"),
        (lambda t: t.replace("8.25", "high"), "text among numbers"),
        (lambda t: t.replace('\t"GSM1"\t"GSM2"\n"1007', '\n"1007'), "names no samples"),
    ],
)
def test_damaged_series(tmp_path, change, message):
    path = tmp_path / "series.txt"
    path.write_text(change(SERIES))
    with pytest.raises(InputError, match=message):
        data.read_series_matrix(path)


def test_truncated_and_absent_series(tmp_path):
    path = tmp_path / "series.txt.gz"
    path.write_bytes(gzip.compress(SERIES.encode())[:-40])
    with pytest.raises(InputError, match="is damaged"):
        data.read_series_matrix(path)
    with pytest.raises(InputError, match="cannot be read"):
        data.read_series_matrix(tmp_path / "no.txt")


class Matrix:
    """A matrix with names, as rdata writes it by the rule below."""

    values = np.array([[7.5, 8.25], [1, 3], [10, -0.5]])
    names = (np.array(["p1", "p2", "p3"]), np.array(["s1", "s2"]))


def written(matrix, converter):
    from rdata.conversion.to_r import build_r_object
    from rdata.parser import RObjectType

    shape = np.array(matrix.values.shape, dtype=np.int32)
    attributes = {"dim": shape, "dimnames": list(matrix.names)}
    return build_r_object(
        RObjectType.REAL,
        value=matrix.values.ravel(order="F"),
        attributes=converter.convert_to_r_attributes(attributes),
    )


@pytest.fixture
def rda(tmp_path):
    """A file like Bioconductor's, of 2 samples and 3 probe sets."""
    rdata = pytest.importorskip("rdata", reason="rdata, of the extra genes, is not installed")
    pandas = pytest.importorskip("pandas")
    from rdata.conversion.to_r import DEFAULT_CLASS_MAP

    cancer = pandas.Categorical(["Normal", "Cancer"])
    frame = pandas.DataFrame({"cancer": cancer, "batch": [1.0, 2.0]})
    made = {"bladderEset": {"assayData": {"exprs": Matrix()}, "phenoData": {"data": frame}}}
    path = tmp_path / "lib" / "bladderbatch" / "data" / "bladderdata.rda"
    path.parent.mkdir(parents=True)
    rdata.write_rda(path, made, constructor_dict={**DEFAULT_CLASS_MAP, Matrix: written})
    return path


def test_a_file_like_bioconductors(rda, monkeypatch):
    monkeypatch.setenv("R_LIBS", f"/nowhere:{rda.parents[2]}")
    for study in (data.bladder_cancer(), data.bladder_cancer(rda)):
        np.testing.assert_array_equal(study.values, [[7.5, 1, 10], [8.25, 3, -0.5]])
        assert (study.samples, study.genes) == (("s1", "s2"), ("p1", "p2", "p3"))
        assert study.attributes["cancer"].tolist() == ["Normal", "Cancer"]
        assert study.attributes["batch"].tolist() == ["1", "2"]


def test_bladder_refusals(rda, monkeypatch, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        data.bladder_cancer(tmp_path / "no.rda")
    rda.write_bytes(b"nothing")
    with pytest.raises(InputError, match="is damaged"):
        data.bladder_cancer(rda)
    monkeypatch.setitem(__import__("sys").modules, "rdata", None)
    with pytest.raises(InputError, match=r"pip install 'gparticles\[genes\]'"):
        data.bladder_cancer(rda)


def test_bioconductors_own():
    try:
        study = data.bladder_cancer()
    except InputError as error:
        pytest.skip(str(error))
    assert study.values.shape == (57, 22283)
    assert np.isfinite(study.values).all()
    # as Bioconductor's documentation of the package has it
    kinds, counts = np.unique(study.attributes["cancer"], return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == {
        "Biopsy": 9,
        "Cancer": 40,
        "Normal": 8,
    }
    assert set(study.attributes["batch"]) == set("12345")
