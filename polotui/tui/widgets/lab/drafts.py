"""Unsaved texts on disk: one private file for each document, so that neither leaving nor a crash loses what was typed.

Decided here: the file belongs to the face, not to the engine; it goes away when the text is saved or thrown away. A
file that cannot be read is told and left where it is.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from polotui.core.errors import PolotuiError, StorageError
from polotui.core.files import private_folder, write_private


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What was in the editor. `version` is the stored version that it was typed upon."""

    key: str
    version: int
    form: str
    text: str
    at_ms: int


class Drafts:
    """The folder of unsaved texts; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @property
    def kept(self) -> bool:
        return self._folder is not None

    def _file(self, key: str) -> Path | None:
        if self._folder is None:
            return None
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", key)[:60].strip(".-") or "document"
        return self._folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.json"

    def keep(self, draft: Draft) -> None:
        """Raises StorageError."""
        file = self._file(draft.key)
        if file is None or self._folder is None:
            return
        try:
            private_folder(self._folder)
            write_private(file, msgspec.json.encode(draft))
        except OSError as error:
            raise StorageError(
                f"The unsaved text cannot be kept in {file}: {error.strerror}.",
                safe="It is still in the editor.",
                next_step="ctrl+s saves it.",
            ) from error

    def read(self, key: str) -> Draft | None:
        """None when there is none. Raises StorageError when there is one that cannot be read."""
        file = self._file(key)
        if file is None or not file.exists():
            return None
        try:
            return msgspec.json.decode(file.read_bytes(), type=Draft)
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(
                f"The unsaved text in {file} cannot be read: {error}.", safe="The file stays where it is."
            ) from error

    def forget(self, key: str) -> None:
        file = self._file(key)
        if file is not None:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise StorageError(f"{file} cannot be removed: {error.strerror}.") from error

    def keys(self) -> set[str]:
        """Which documents have unsaved text. Files that cannot be read are left out here: opening tells of them."""
        found: set[str] = set()
        if self._folder is None or not self._folder.is_dir():
            return found
        for file in self._folder.glob("*.json"):
            try:
                found.add(msgspec.json.decode(file.read_bytes(), type=Draft).key)
            except (OSError, msgspec.DecodeError, PolotuiError):
                continue
        return found
