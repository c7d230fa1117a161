"""CIFAR-10 from an archive that the test makes, fetched from a server that the test runs."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import numpy as np
import pytest

from gparticles import data
from gparticles.data import cifar
from gparticles.data.fetching import FOLDER, Remote
from gparticles.errors import InputError

EACH = 20  # records per file, two of each class


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Serves a folder, and says what the archive in it should hash to."""
    folder = tmp_path / "public"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=folder)
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def offer(archive, checksum=None):
            (folder / "cifar.tar.gz").write_bytes(archive)
            expected = checksum or hashlib.sha256(archive).hexdigest()
            url = f"http://127.0.0.1:{server.server_port}/cifar.tar.gz"
            monkeypatch.setattr(cifar, "CIFAR10", Remote(url, f"sha256:{expected}", 170))

        yield offer
        server.shutdown()


def records(seed):
    """Bytes of a file, the images and the labels that it holds."""
    generator = np.random.default_rng(seed)
    images = generator.integers(256, size=(EACH, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(EACH) % 10
    planes = images.transpose(0, 3, 1, 2).reshape(EACH, -1)
    return np.column_stack([labels, planes]).astype(np.uint8).tobytes(), images, labels


FILES = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]


def archive(contents):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as opened:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return made.getvalue()


def whole():
    return {name: records(k)[0] for k, name in enumerate(FILES)}


def as_set(images, labels):
    """Images and labels, whatever their order."""
    rows = np.rint(255.0 * images.astype(float)).astype(np.uint8)
    return {(row.tobytes(), int(k)) for row, k in zip(rows, labels, strict=True)}


def test_pixels_and_labels_are_those_of_the_files(served):
    served(archive(whole()))
    images, labels, held_out, held_out_labels = data.cifar10_split()
    assert images.shape == (5 * EACH, 32, 32, 3)
    assert images.dtype == held_out.dtype == np.float32
    expected = [records(k) for k in range(6)]
    training = set().union(*(as_set(x / 255, y) for _, x, y in expected[:5]))
    assert as_set(images, labels) == training
    assert as_set(held_out, held_out_labels) == as_set(expected[5][1] / 255, expected[5][2])
    assert sorted(held_out_labels[:10].tolist()) == list(range(10))


def test_picks_are_balanced_and_of_the_classes_asked_for(served):
    served(archive(whole()))
    images, labels = data.cifar10(7, classes=[3, 8], seed=2)
    assert images.shape == (7, 32, 32, 3)
    assert sorted(np.bincount(labels, minlength=10)[[3, 8]].tolist()) == [3, 4]
    np.testing.assert_array_equal(images, data.cifar10(7, classes=[8, 3], seed=2)[0])
    assert set(data.cifar10_split(4, classes=8)[3].tolist()) == {8}


def test_it_is_fetched_once(served, tmp_path):
    served(archive(whole()))
    first = data.cifar10(5, seed=1)[0]
    (tmp_path / "public" / "cifar.tar.gz").unlink()
    np.testing.assert_array_equal(data.cifar10(5, seed=1)[0], first)
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["cifar.tar.gz"]


def cut(contents, name, length):
    return contents | {name: contents[name][:length]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: archive(cut(files, "data_batch_3.bin", 5000)), "cut off"),
        (
            lambda files: archive({k: v for k, v in files.items() if "3" not in k}),
            "no data_batch_3",
        ),
        (lambda files: archive(files)[:3000], "damaged"),
        (lambda files: b"no archive", "damaged"),
        (lambda files: archive({name: records(0)[0][:3073] for name in files}), "no image of"),
    ],
)
def test_a_damaged_archive_is_refused_in_one_line(served, change, message):
    served(change(whole()))
    with pytest.raises(InputError, match=message) as caught:
        data.cifar10(5)
    assert "\n" not in str(caught.value)


def test_another_file_than_the_known_one_is_refused(served, tmp_path):
    served(archive(whole()), checksum="0" * 64)
    with pytest.raises(InputError, match="is not the file it was") as caught:
        data.cifar10(5)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())


def test_without_the_network_the_error_says_where_to_put_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    # nothing listens on port 9
    monkeypatch.setattr(
        cifar, "CIFAR10", Remote("http://127.0.0.1:9/cifar.tar.gz", "sha256:" + "0" * 64, 170)
    )
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        data.cifar10(5)
    assert str(tmp_path / "cifar.tar.gz") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_published_archive_is_asked_for_by_its_checksum():
    assert cifar.CIFAR10.url.startswith("https://")
    assert cifar.CIFAR10.checksum.startswith("sha256:")
    assert len(cifar.CIFAR10.checksum) == len("sha256:") + 64
    assert len(set(data.CIFAR10_CLASSES)) == 10
