"""Compiled programs, kept between processes: what was compiled once is not compiled again.

JAX does it, in a folder that is set here, before JAX loads, and for the command only.
"""

import hashlib
import os
import platform
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

VARIABLE = "GPARTICLES_CACHE"
# of all that is kept: the programs of some hundred different problems
MOST_BYTES = 500_000_000
MOST_FILES = 10_000
_OURS = "JAX_COMPILATION_CACHE_DIR"
_ZSTD = b"\x28\xb5\x2f\xfd"


def keep_programs() -> str | None:
    """Has JAX keep what it compiles in a folder of the user's, which it reads when it loads.

    ``GPARTICLES_CACHE`` names another folder, and "off" or "0" does without; so do settings of
    JAX's own, which are left as they are.

    Returns:
        What the user should know where programs cannot be kept, else None.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted.lower() in ("off", "0") or _OURS in os.environ or "jax" in sys.modules:
        return None
    try:
        base = _base(wanted)
        folder = base / _kind()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_own(folder)
        _bound(base)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        return (
            f"compiled programs are not kept ({wanted or 'the cache folder'}: {why}); "
            f"{VARIABLE}=DIR names another folder, {VARIABLE}=off does without"
        )
    os.environ[_OURS] = str(folder)
    # most programs are small, and all of them together take seconds
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    # the compiler writes to stderr what it thinks of the processor that a program was made for
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return None


def _base(wanted: str) -> Path:
    if wanted:
        return Path(wanted).expanduser().absolute() / "programs"
    import platformdirs

    return platformdirs.user_cache_path("gparticles") / "programs"


def _kind() -> str:
    """What a program is made for: versions of the compiler, and the processor's abilities."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        abilities = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        abilities = platform.processor()
    digest = hashlib.sha256(f"{platform.machine()} {abilities}".encode()).hexdigest()[:8]
    return f"jax-{version('jax')}-{version('jaxlib')}-{digest}"


def _check_own(folder: Path) -> None:
    """Programs are executed: nobody else may be able to write them."""
    status = folder.stat()
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(0, "others can write to it")
    if not os.access(folder, os.W_OK):
        raise PermissionError(0, "it cannot be written to")


def _bound(base: Path) -> None:
    """Removes what was used least lately, until four fifths of the bounds are kept."""
    files = []
    for path in base.rglob("*"):
        # another process may remove it meanwhile
        with suppress(OSError):
            if path.is_file():
                files.append((path, path.stat()))
    size, count = sum(status.st_size for _, status in files), len(files)
    if size <= MOST_BYTES and count <= MOST_FILES:
        return
    for path, status in sorted(files, key=lambda file: max(file[1].st_atime, file[1].st_mtime)):
        if size <= 0.8 * MOST_BYTES and count <= 0.8 * MOST_FILES:
            return
        path.unlink(missing_ok=True)
        size, count = size - status.st_size, count - 1


def is_about_programs(warning: str) -> bool:
    """Whether JAX warns of the folder that it keeps programs in."""
    return "persistent compilation cache" in warning


def note_of(warning: str) -> str | None:
    """What to say of a warning of JAX's about its folder; None where there is nothing to say.

    Damaged programs are removed, since JAX never replaces what is there.
    """
    folder = Path(os.environ.get(_OURS, ""))
    if "Error reading" in warning:
        damaged = [path for path in folder.glob("*-cache") if not _is_whole(path)]
        for path in damaged:
            path.unlink(missing_ok=True)
        # else another process was just writing it
        return f"{folder}: {len(damaged)} damaged programs were removed" if damaged else None
    return (
        f"{folder}: compiled programs cannot be kept; {VARIABLE}=DIR names another folder, "
        f"{VARIABLE}=off does without"
    )


def are_needed(words: Sequence[str]) -> bool:
    """Whether what was typed may compile anything."""
    return bool(words) and not {"--help", "--version", "recipes"} & set(words)


def _is_whole(path: Path) -> bool:
    try:
        data = path.read_bytes()
        if data[:4] == _ZSTD:
            # where it is installed, JAX packs by it
            import_module("zstandard").ZstdDecompressor().decompress(data)
        else:
            zlib.decompress(data)
    except Exception:
        return False
    return True
