"""Folders and zip files of images, read into arrays in [0, 1] and written as 8-bit PNG.

Pillow is imported where a file is opened. A zip is read in memory, never unpacked.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.tables.table import Table, check_rows, labels_of_text, refusal

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

_GREY = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16", "I;16B": "I;16", "I;16L": "I;16"}
_FULL = {"L": 255.0, "RGB": 255.0, "I;16": 65535.0}


def read_images(
    path: Path, *, id_column: str | None = None, label_column: str | None = None
) -> Table:
    """Read every image of a folder or a zip, sorted by name.

    Images in subfolders, one deep, have the subfolder's name as their label.

    Args:
        path: the folder, or the zip file.
        id_column: must be None; the identifiers are the images' names.
        label_column: must be None; the labels are the subfolders' names.

    Returns:
        The table; values float32 in [0, 1], shape (n, h, w), or (n, h, w, 3) where any image has
        colours.

    Raises:
        InputError: no image or only one, an image that is damaged or of another size, folders in
            folders, images both in and beside subfolders, a damaged or encrypted zip.
    """
    if id_column is not None or label_column is not None:
        mend = "images are named by their files and labelled by subfolders"
        raise refusal(path, "images have no columns", mend)
    with _opened(path) as (names, read):
        images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
        shown = _without_common_folder(images) if path.is_file() else images
        labels = _labels(shown, path)
        pixels, warnings = _stack(images, read, path)
    skipped = len(names) - len(images)
    if skipped:
        warnings = (*warnings, f"{skipped} files of {path} are not images and were not read")
    return Table(
        values=pixels,
        ids=shown,
        id_name="file",
        labels=None if labels is None else labels_of_text(labels),
        label_name=None if labels is None else "folder",
        kind="images",
        warnings=warnings,
        name=str(path),
    )


def write_images(path: Path, table: Table) -> None:
    """Write a PNG for each row into a new folder, or into a zip where the path ends in .zip.

    Pixels are clipped to [0, 1] and rounded to 8 bits; labels become subfolders.
    """
    from PIL import Image

    pixels = np.rint(255 * np.clip(table.values, 0, 1)).astype(np.uint8)
    if pixels.shape[-1] == 1 and pixels.ndim == 4:
        pixels = pixels[..., 0]
    encoded = ((name, _png(Image, row)) for name, row in zip(_names(table), pixels, strict=True))
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in encoded:
                # a fixed date, so that equal images give equal files
                archive.writestr(zipfile.ZipInfo(name), data)
        return
    path.mkdir()
    for name, data in encoded:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(data)


def _png(image: Any, pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def _names(table: Table) -> list[str]:
    ids = table.ids or [f"{i:05d}" for i in range(1, len(table) + 1)]
    folders = [""] * len(ids)
    if table.labels is not None:
        folders = [_plain(str(label)) + "/" for label in table.labels.tolist()]
        ids = [PurePosixPath(name).name for name in ids]
    stems = [
        _plain(str(PurePosixPath(name).with_suffix("")) if _is_image(name) else name)
        for name in ids
    ]
    names = [f"{folder}{stem}.png" for folder, stem in zip(folders, stems, strict=True)]
    if len({name.casefold() for name in names}) < len(names):  # such as a.png and a.jpg
        names = [
            f"{folder}{i:05d}-{stem}.png"
            for i, (folder, stem) in enumerate(zip(folders, stems, strict=True), start=1)
        ]
    return names


def _plain(name: str) -> str:
    """A name without separators, and so one that cannot leave its folder."""
    return re.sub(r"[^\w.\- ]", "-", name).lstrip(".") or "-"


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """The sorted names of the files in a folder or a zip, hidden ones left out, and a reader."""
    try:
        if path.is_dir():
            files = (file for file in path.rglob("*") if file.is_file())
            names = [file.relative_to(path).as_posix() for file in files]
            yield _visible(names), lambda name: (path / name).read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            names = [item.filename for item in archive.infolist() if not item.is_dir()]
            yield _visible(names), archive.read
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise refusal(path, f"is damaged ({error})", "make it again") from error
    except RuntimeError as error:  # what zipfile raises for a password
        raise refusal(path, f"cannot be read ({error})", "unpack it first") from error
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})", "check the files") from error


def _visible(names: list[str]) -> list[str]:
    # file managers and archivers leave such files behind
    hidden = (".", "__MACOSX", "Thumbs.db", "desktop.ini")
    return sorted(
        name for name in names if not any(part.startswith(hidden) for part in name.split("/"))
    )


def _without_common_folder(names: list[str]) -> list[str]:
    """Archivers put the folder itself into the zip; it is not a class."""
    tops = {name.split("/")[0] for name in names if "/" in name}
    if len(tops) == 1 and all("/" in name for name in names):
        return [name.split("/", 1)[1] for name in names]
    return names


def _labels(names: list[str], path: Path) -> list[str] | None:
    if not names:
        mend = f"give files that end in {', '.join(IMAGE_SUFFIXES)}"
        raise refusal(path, "holds no images", mend)
    check_rows(len(names), str(path))
    depths = [name.count("/") for name in names]
    if max(depths) > 1:
        name = names[depths.index(max(depths))]
        raise refusal(f"{path}/{name}", "is in a folder in a folder", "use one level of folders")
    if max(depths) == 0:
        return None
    if min(depths) == 0:
        name = names[depths.index(0)]
        mend = "put every image into a folder, or none"
        raise refusal(f"{path}/{name}", "is beside folders of images", mend)
    return [name.split("/")[0] for name in names]


def _stack(
    names: list[str], read: Callable[[str], bytes], path: Path
) -> tuple[np.ndarray, tuple[str, ...]]:
    images, faded = [], 0
    for name in names:
        pixels, transparent = _decode(read(name), f"{path}/{name}")
        faded += transparent
        if images and pixels.shape[:2] != images[0].shape[:2]:
            here, there = (f"{a.shape[1]}x{a.shape[0]}" for a in (pixels, images[0]))
            problem = f"is {here} pixels where {names[0]} is {there}"
            raise refusal(f"{path}/{name}", problem, "give all images one size")
        images.append(pixels)
    warnings = ()
    grey = sum(image.ndim == 2 for image in images)
    if 0 < grey < len(images):
        images = [i if i.ndim == 3 else np.repeat(i[..., None], 3, axis=2) for i in images]
        warnings = (f"{grey} grey images of {path} are read as colour, like the others",)
    if faded:
        warnings = (*warnings, f"the transparency of {faded} images of {path} is not read")
    return np.stack(images), warnings


def _decode(data: bytes, name: str) -> tuple[np.ndarray, bool]:
    """Pixels in [0, 1], float32, shape (h, w) or (h, w, 3), and whether some were transparent."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode in ("F", "I"):
                problem = f"has pixels of mode {image.mode}, whose range is not known"
                raise refusal(name, problem, "save the images as an npy of numbers")
            mode = _GREY.get(image.mode, "RGB")
            pixels = np.asarray(image if mode == "I;16" else image.convert(mode))
            transparent = "A" in image.mode or "transparency" in image.info
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds for a broken file
        raise refusal(name, "is damaged or not an image", "make it again") from error
    return (pixels / _FULL[mode]).astype(np.float32), transparent
