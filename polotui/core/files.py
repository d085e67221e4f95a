"""State files: private by construction and written all or nothing.

Decided here: folders 0700 and files 0600 whatever the umask says; a write goes to a temporary file in the same
folder, is synced, then renamed over the old one, and the folder is synced.
"""

from __future__ import annotations

import os
from pathlib import Path

from polotui.core.errors import StorageError


def private_folder(path: Path) -> Path:
    """Makes `path` with mode 0700. Raises StorageError with the command that helps when it belongs to others."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = path.stat()
        if info.st_uid == os.getuid() and info.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StorageError(
            f"The folder {path} cannot be made or used: {error.strerror}.",
            safe="Nothing was written.",
            next_step="Choose another with --home, or mend its owner and mode: "
            f"chown -R $USER {path} && chmod 700 {path}",
        ) from error
    if info.st_uid != os.getuid():
        raise StorageError(
            f"The folder {path} belongs to another user (uid {info.st_uid}).",
            safe="Nothing was written.",
            next_step=f"Choose another with --home, or: chown -R $USER {path}",
        )
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replaces `path` by `data`, all or nothing, mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
