"""Where everything is kept. One object, so that `--home DIR` moves all of it.

Decided here: without `--home` the platform's own folders are used (XDG on Linux, Library on macOS); with it, all is
below that folder. The socket's name is a short hash of the home, because a socket's path must stay under 104 bytes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from polotui.core.files import private_folder


@dataclass(frozen=True)
class Home:
    """The folders of one polotui. Make it with `Home.at(path)` or `Home.default()`."""

    config: Path
    data: Path
    logs: Path
    runtime: Path

    @classmethod
    def at(cls, root: Path | str) -> Home:
        """Everything below `root`."""
        base = Path(root).expanduser().absolute()
        return cls(base / "config", base / "data", base / "logs", _runtime())

    @classmethod
    def default(cls, name: str = "polotui") -> Home:
        """The platform's folders for `name`."""
        import platformdirs

        folders = platformdirs.PlatformDirs(name, appauthor=False)
        return cls(Path(folders.user_config_dir), Path(folders.user_data_dir), Path(folders.user_log_dir), _runtime())

    @property
    def key(self) -> str:
        """Ten characters that stand for this home in names of sockets and locks."""
        return hashlib.sha256(str(self.data).encode()).hexdigest()[:10]

    @property
    def socket(self) -> Path:
        return self.runtime / f"{self.key}.sock"

    @property
    def lock(self) -> Path:
        return self.data / "engine.lock"

    @property
    def settings_file(self) -> Path:
        return self.config / "polotui.toml"

    @property
    def themes(self) -> Path:
        return self.config / "themes"

    @property
    def ledger(self) -> Path:
        return self.data / "ledger.db"

    @property
    def market(self) -> Path:
        return self.data / "market.db"

    @property
    def results(self) -> Path:
        return self.data / "results.db"

    @property
    def exports(self) -> Path:
        return self.data / "exports"

    @property
    def drafts(self) -> Path:
        """Unsaved texts of the face."""
        return self.data / "drafts"

    @property
    def demo_file(self) -> Path:
        """What the demo of this home was started with: a JSON list of the built-in exchange's options."""
        return self.data / "demo.json"

    def make(self) -> Home:
        """Creates the folders, each private to the user."""
        for folder in (self.config, self.data, self.logs, self.runtime):
            private_folder(folder)
        return self


def _runtime() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and len(base) < 60 and Path(base).is_dir():
        return Path(base) / "polotui"
    # Per user, so that two users of one machine do not meet; private_folder refuses a folder of somebody else.
    return Path(tempfile.gettempdir()) / f"polotui-{os.getuid()}"
