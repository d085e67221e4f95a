"""One engine per home; the kernel frees the lock when its holder dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polotui.core.errors import Locked
from polotui.core.lock import InstanceLock


def test_the_second_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "lock"), pytest.raises(Locked, match=str(os.getpid())) as caught:
        InstanceLock(tmp_path / "lock").acquire()
    assert caught.value.record().code == "second-instance"
    assert caught.value.record().exit_code == 5


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "lock").acquire()
    lock.release()
    lock.release()
    with InstanceLock(tmp_path / "lock"):
        pass


def test_the_lock_names_its_present_holder_only(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123456789 left by the dead")
    with InstanceLock(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from polotui.core.lock import InstanceLock\n"
        "held = InstanceLock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=str(holder.pid)):
            InstanceLock(tmp_path / "lock").acquire()
        holder.kill()
    with InstanceLock(tmp_path / "lock"):
        pass


def test_a_lock_is_intact_while_its_file_is_the_one_others_would_ask_for(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "lock")
    assert not lock.intact()
    with lock:
        assert lock.intact()
        (tmp_path / "lock").unlink()
        assert not lock.intact()
        (tmp_path / "lock").touch()
        assert not lock.intact()
    assert not lock.intact()
