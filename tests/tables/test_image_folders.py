"""Folders and zip files of images."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from gparticles import data


def picture(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode or Image.fromarray(pixels).mode).save(path)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, size=(4, 5, 6, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    for i, image in enumerate(pixels[..., 0]):
        picture(tmp_path / "images" / str(i % 2) / f"im{i}.png", image)
    return tmp_path / "images"


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def test_labelled_folder_round_trip(tmp_path, folder, pixels, refused):
    table = data.load(folder)
    np.testing.assert_allclose(table.values * 255, pixels[[0, 2, 1, 3], ..., 0], atol=1e-4)
    assert table.values.dtype == np.float32
    assert table.ids == ["0/im0.png", "0/im2.png", "1/im1.png", "1/im3.png"]
    assert table.labels is not None
    assert table.labels.tolist() == ["0", "0", "1", "1"]
    out = data.save(table.values, tmp_path / "out", like=table, ids=table.ids, labels=table.labels)
    assert out == tmp_path / "out"
    again = data.load(out)
    np.testing.assert_array_equal(again.values, table.values)
    assert again.ids == table.ids
    new = data.save(np.full((2, 30), 1.5), tmp_path / "new", like=table)
    assert data.load(new).ids == ["generated-00001.png", "generated-00002.png"]
    assert data.load(new).values.min() == 1
    refused(lambda: data.save(table.values, out, like=table), "not empty")


@pytest.mark.parametrize("prefix", ["", "images/"])
def test_zip_is_read_like_its_folder(tmp_path, folder, prefix):
    packed = data.load(zipped(folder, tmp_path / "a.zip", prefix))
    table = data.load(folder)
    np.testing.assert_array_equal(packed.values, table.values)
    np.testing.assert_array_equal(packed.labels, table.labels)
    assert packed.ids == table.ids
    out = data.save(packed.values, tmp_path / "b.zip", like=packed, ids=packed.ids)
    np.testing.assert_array_equal(data.load(out).values, packed.values)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_colour_round_trip(tmp_path, pixels, suffix):
    for i, image in enumerate(pixels):
        picture(tmp_path / "in" / f"{i}{suffix}", image)
    table = data.load(tmp_path / "in")
    assert table.values.shape == (4, 5, 6, 3)
    assert table.labels is None
    out = data.save(table.values, tmp_path / "out", like=table, ids=table.ids)
    np.testing.assert_array_equal(data.load(out).values, table.values)


def test_modes_of_pixels(tmp_path, pixels):
    grey = pixels[0, ..., 0]
    picture(tmp_path / "one" / "a.jpg", grey)
    picture(tmp_path / "one" / "b.png", grey, "1")
    assert data.load(tmp_path / "one").values.shape == (2, 5, 6)
    picture(tmp_path / "one" / "c.png", pixels[1], "RGBA")
    mixed = data.load(tmp_path / "one")
    assert mixed.values.shape == (3, 5, 6, 3)
    assert "2 grey images" in mixed.warnings[0]
    assert len(mixed.warnings) == 1  # nothing of c is transparent
    deep = np.array([[0, 65535], [257, 512]], dtype=np.uint16)
    picture(tmp_path / "two" / "a.png", deep)
    picture(tmp_path / "two" / "b.tif", deep)
    np.testing.assert_allclose(data.load(tmp_path / "two").values[0], deep / 65535, rtol=1e-6)


def test_names_cannot_leave_the_folder_nor_collide(tmp_path, folder):
    table = data.load(folder)
    out = data.save(table.values, tmp_path / "o", like=table, ids=["../a", "/b", "..", "a.png"])
    assert sorted(p.name for p in out.iterdir()) == ["-.png", "-a.png", "-b.png", "a.png"]
    same = data.save(table.values, tmp_path / "p", like=table, ids=["a.png", "a.jpg", "b", "c"])
    assert len(list(same.iterdir())) == 4


def test_other_files_beside_images(tmp_path, folder):
    (folder / "labels.txt").write_text("no image")
    (folder / ".DS_Store").write_text("hidden")
    table = data.load(folder)
    assert len(table) == 4
    assert table.warnings == (f"1 files of {folder} are not images and were not read",)


def test_refused_images(tmp_path, folder, pixels, refused):
    refused(lambda: data.load(folder, label_column="x"), "images have no columns")
    picture(folder / "1" / "z.png", pixels[0, :4, :3, 0])
    refused(lambda: data.load(folder), "1/z.png: is 3x4 pixels where 0/im0.png is 6x5")
    (folder / "1" / "z.png").write_bytes((folder / "1" / "im1.png").read_bytes()[:60])
    refused(lambda: data.load(folder), "1/z.png: is damaged")
    (folder / "1" / "z.png").write_bytes(b"")
    refused(lambda: data.load(folder), "1/z.png: is damaged")
    (folder / "1" / "z.png").unlink()
    picture(folder / "top.png", pixels[0, ..., 0])
    refused(lambda: data.load(folder), "top.png: is beside folders")
    (folder / "top.png").unlink()
    picture(folder / "1" / "2" / "x.png", pixels[0, ..., 0])
    refused(lambda: data.load(folder), "1/2/x.png: is in a folder in a folder")
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "f.tif")
    (tmp_path / "f").mkdir()
    for name in ("a.tif", "b.tif"):
        (tmp_path / "f" / name).write_bytes((tmp_path / "f.tif").read_bytes())
    refused(lambda: data.load(tmp_path / "f"), "pixels of mode F", "npy")


def test_refused_folders_and_zips(tmp_path, pixels, refused):
    (tmp_path / "none").mkdir()
    refused(lambda: data.load(tmp_path / "none"), "holds no images", ".png")
    picture(tmp_path / "one" / "a.png", pixels[0])
    refused(lambda: data.load(tmp_path / "one"), "only one row")
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK no zip")
    refused(lambda: data.load(path), "is damaged")
    picture(tmp_path / "one" / "b.png", pixels[1])
    zipped(tmp_path / "one", path)
    raw = bytearray(path.read_bytes())
    raw[100:140] = bytes(40)
    path.write_bytes(bytes(raw))
    refused(lambda: data.load(path), str(path), "damaged")
    raw = bytearray(zipped(tmp_path / "one", path).read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := raw.find(sign, start)) >= 0:
            raw[start + at] |= 1  # the bit that says encrypted
            start += 4
    path.write_bytes(bytes(raw))
    refused(lambda: data.load(path), "password")


def shown(folder, save):
    """What is read of two equal images, the first of them."""
    folder.mkdir()
    for name in "ab":
        save(folder / name)
    table = data.load(folder)
    np.testing.assert_array_equal(table.values[0], table.values[1])
    return table


GREY = (np.arange(6).reshape(2, 3) * 40).astype(np.uint8)
TURNED = {
    2: GREY[:, ::-1],
    3: GREY[::-1, ::-1],
    4: GREY[::-1],
    5: GREY.T,
    6: np.rot90(GREY, -1),
    7: GREY[::-1, ::-1].T,
    8: np.rot90(GREY),
}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", TURNED)
def test_images_are_turned_as_their_cameras_say(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100}}.get(suffix, {})
    picture = Image.fromarray(GREY)
    table = shown(
        tmp_path / "in", lambda path: picture.save(f"{path}{suffix}", exif=exif, **options)
    )
    pixels = table.values[0] if table.values.ndim == 3 else table.values[0, ..., 0]
    np.testing.assert_allclose(255 * pixels, TURNED[orientation], atol=1.5)


def test_the_same_picture_turned_counts_once_as_shown(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    (tmp_path / "in").mkdir()
    Image.fromarray(GREY).save(tmp_path / "in" / "a.png", exif=exif)
    Image.fromarray(np.ascontiguousarray(TURNED[6])).save(tmp_path / "in" / "b.png")
    table = data.load(tmp_path / "in")
    np.testing.assert_array_equal(table.values[0], table.values[1])


@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00garbage", b"MM\x00\x2a\x00\x00\x00\x08\xff\xff\x01"]
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_notes_of_a_camera_are_no_damage(tmp_path, exif):
    table = shown(
        tmp_path / "in", lambda path: Image.fromarray(GREY).save(f"{path}.png", exif=exif)
    )
    np.testing.assert_allclose(255 * table.values[0], GREY, atol=1e-4)


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_images_of_several_pages_are_refused(tmp_path, suffix, refused):
    (tmp_path / "in").mkdir()
    more = {"save_all": True, "append_images": [Image.fromarray(255 - GREY)]}
    for name in "ab":
        Image.fromarray(GREY).save(tmp_path / "in" / f"{name}{suffix}", **more)
    refused(lambda: data.load(tmp_path / "in"), f"a{suffix}: holds 2 pages or frames")


def test_a_cameras_second_picture_is_none(tmp_path):
    colours = np.stack([GREY, GREY, GREY], axis=2)
    more = {"save_all": True, "append_images": [Image.fromarray(colours)], "format": "MPO"}
    table = shown(
        tmp_path / "in", lambda path: Image.fromarray(colours).save(f"{path}.jpg", **more)
    )
    assert table.values.shape == (2, 2, 3, 3)


def test_transparency_shows_white(tmp_path):
    alpha = np.array([[0, 51, 255]] * 2, np.uint8)
    opacity = alpha / 255
    grey = shown(
        tmp_path / "la",
        lambda path: Image.fromarray(np.dstack([GREY, alpha])).save(f"{path}.png"),
    )
    expected = opacity * GREY / 255 + (1 - opacity)
    np.testing.assert_allclose(grey.values[0], expected, atol=1e-6)
    assert "transparent in 2 images" in grey.warnings[0]
    assert "is read as white" in grey.warnings[0]
    colour = shown(
        tmp_path / "rgba",
        lambda path: Image.fromarray(np.dstack([GREY] * 3 + [alpha])).save(f"{path}.png"),
    )
    np.testing.assert_allclose(colour.values[0], np.dstack([expected] * 3), atol=1e-6)
    key = shown(
        tmp_path / "key", lambda path: Image.fromarray(GREY).save(f"{path}.png", transparency=40)
    )
    np.testing.assert_allclose(255 * key.values[0], np.where(GREY == 40, 255, GREY), atol=1e-4)
    palette = Image.fromarray(GREY).convert("P")
    hidden = shown(tmp_path / "p", lambda path: palette.save(f"{path}.gif", transparency=80))
    np.testing.assert_allclose(255 * hidden.values[0, ..., 0], np.where(GREY == 80, 255, GREY))


def test_sixteen_bits_and_inverted_ones(tmp_path):
    deep = GREY.astype(np.uint16) * 257
    plain = shown(tmp_path / "png", lambda path: Image.fromarray(deep).save(f"{path}.png"))
    np.testing.assert_allclose(255 * plain.values[0], GREY, atol=1e-4)
    inverted = shown(
        tmp_path / "tif",
        lambda path: Image.fromarray(65535 - deep).save(f"{path}.tif", tiffinfo={262: 0}),
    )
    np.testing.assert_allclose(255 * inverted.values[0], GREY, atol=1e-4)


def test_other_spaces_of_colour(tmp_path, refused):
    colours = np.dstack([GREY, GREY // 2, 200 - GREY])
    for suffix, tolerance in ((".tif", 1e-4), (".jpg", 12)):
        inks = Image.fromarray(colours).convert("CMYK")
        table = shown(tmp_path / suffix[1:], lambda path: inks.save(f"{path}{suffix}"))  # noqa: B023
        np.testing.assert_allclose(255 * table.values[0], colours, atol=tolerance)
    (tmp_path / "lab").mkdir()
    Image.new("LAB", (3, 2)).save(tmp_path / "lab" / "a.tif")
    Image.new("LAB", (3, 2)).save(tmp_path / "lab" / "b.tif")
    refused(lambda: data.load(tmp_path / "lab"), "pixels of mode LAB", "npy")
