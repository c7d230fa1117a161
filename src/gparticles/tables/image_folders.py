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

from gparticles.errors import InputError, printable
from gparticles.tables.table import Table, check_rows, refusal

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

_GREY = ("1", "L", "LA", "La")
# TIFF's tags of what a number means, where 0 is white, and of the bits of a number
_MEANING, _BITS = 262, 258


def read_images(
    path: Path, *, id_column: str | None = None, label_column: str | None = None
) -> Table:
    """Read every image of a folder or a zip, sorted by name, as a viewer shows it on white.

    Images in subfolders, one deep, have the subfolder's name as their label, letter for letter.

    Returns:
        The table; values float32 in [0, 1], shape (n, h, w), or (n, h, w, 3) where any image has
        colours.

    Raises:
        InputError: no image or only one, an image that is damaged, of another size or of several
            pages, folders in folders, images both in and beside subfolders, a damaged or encrypted
            zip.
    """
    if id_column is not None or label_column is not None:
        mend = "images are named by their files and labelled by subfolders"
        raise refusal(path, "images have no columns", mend)
    with _opened(path) as (names, read):
        images = [name for name in names if _is_image(name)]
        ids = [printable(name) for name in images]
        ids = _without_common_folder(ids) if path.is_file() else ids
        labels = _labels(ids, path)
        pixels, warnings = _stack(images, read, path)
    skipped = len(names) - len(images)
    if skipped:
        warnings = (*warnings, f"{skipped} files of {path} are not images and were not read")
    return Table(
        values=pixels,
        ids=ids,
        id_name="file",
        labels=None if labels is None else np.array(labels),
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
        folders = _folders([str(label) for label in table.labels.tolist()])
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


def _folders(labels: list[str]) -> list[str]:
    """A folder for each label; two labels never share one."""
    folders: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        name = _plain(label)
        while name in folders.values():
            name += "_"
        folders[label] = name
    return [f"{folders[label]}/" for label in labels]


def _plain(name: str) -> str:
    """A name that is one part of a path, and so cannot leave its folder."""
    return re.sub(r"[/\\\x00-\x1f\x7f]", "-", printable(name)).lstrip(".") or "-"


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
            # some archivers of Windows separate folders as Windows does
            items = {item.filename.replace("\\", "/"): item for item in archive.infolist()}
            names = [name for name in items if not name.endswith("/")]
            yield _visible(names), lambda name: archive.read(items[name])
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
    images, transparent = [], 0
    for name in names:
        pixels, opacity = _decode(read(name), f"{path}/{name}")
        if opacity is not None and opacity.min() < 1:
            transparent += 1
            opacity = opacity if pixels.ndim == 2 else opacity[..., None]
            pixels = 1 - opacity * (1 - pixels)
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
    if transparent:
        line = f"what is transparent in {transparent} images of {path} is read as white"
        warnings = (*warnings, line)
    return np.stack(images), warnings


def _decode(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels in [0, 1], float32, shape (h, w) or (h, w, 3), and their opacity, shape (h, w)."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            # a camera's file may hold a second picture of the first, which no viewer shows
            pages = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
            if pages > 1:
                mend = "save each that is meant as an image of its own"
                raise refusal(name, f"holds {pages} pages or frames", mend)
            return _pixels(_upright(image), name, getattr(image, "tag_v2", {}))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise refusal(
            name, "has more pixels than Pillow opens", "make all images smaller"
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds for a broken file
        raise refusal(name, "is damaged or not an image", "make it again") from error


def _upright(image: Any) -> Any:
    """The image turned as its camera says."""
    from PIL import ImageOps

    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # what a camera says may be damaged where the image is not
        return image


def _pixels(image: Any, name: str, tags: Any) -> tuple[np.ndarray, np.ndarray | None]:
    if image.mode.startswith("I;16"):
        most = 2 ** tags.get(_BITS, (16,))[0] - 1
        pixels = (np.asarray(image) / most).astype(np.float32)
        # Pillow turns this round for 8 bits alone
        return 1 - pixels if tags.get(_MEANING) == 0 else pixels, None
    if image.mode in ("F", "I", "LAB"):
        problem = f"has pixels of mode {image.mode}, whose range is not known"
        raise refusal(name, problem, "save the images as an npy of numbers")
    grey = image.mode in _GREY
    if not image.has_transparency_data:
        return (np.asarray(image.convert("L" if grey else "RGB")) / 255).astype(np.float32), None
    pixels = (np.asarray(image.convert("LA" if grey else "RGBA")) / 255).astype(np.float32)
    return pixels[..., 0] if grey else pixels[..., :3], pixels[..., -1]
