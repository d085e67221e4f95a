"""The face's settings are read without pydantic and agree with the whole schema."""

from __future__ import annotations

import subprocess
import sys

import pytest

from polotui.core.errors import ConfigError
from polotui.core.face_settings import MEANINGS, FaceSettings
from polotui.core.paths import Home
from polotui.core.settings.face import load_face_settings
from polotui.core.settings.schema import load


def test_every_field_has_a_meaning_and_no_other_has() -> None:
    assert set(MEANINGS) == set(FaceSettings.__struct_fields__)


def test_text_from_the_environment_is_read_as_the_fields_type(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOTUI_FACE_FRAME_RATE", "2.5")
    monkeypatch.setenv("POLOTUI_FACE_MOUSE", "false")
    settings = load_face_settings(home)
    assert (settings.frame_rate, settings.mouse) == (2.5, False)
    assert load(home).settings.face == settings


def test_a_keymap_is_a_table(home: Home) -> None:
    home.settings_file.write_text('[face]\nkeymap = {zoom = "f5"}\n')
    assert load_face_settings(home).keymap == {"zoom": "f5"}


def test_a_broken_engine_section_does_not_hold_up_the_face(home: Home) -> None:
    home.settings_file.write_text('[market]\ntop = "many"\n[face]\ntheme = "night"\n')
    assert load_face_settings(home).theme == "night"


def test_flags_win(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOTUI_FACE_THEME", "night")
    assert load_face_settings(home, flags={"face.theme": "day", "face.mouse": None}).theme == "day"


@pytest.mark.parametrize(
    ("text", "key"),
    [("frame_rate = 0.1", "face.frame_rate"), ("mouse = 'maybe'", "face.mouse"), ("nope = 1", "face.nope")],
)
def test_a_mistake_names_its_key_and_file(home: Home, text: str, key: str) -> None:
    home.settings_file.write_text(f"[face]\n{text}\n")
    with pytest.raises(ConfigError, match=key) as caught:
        load_face_settings(home)
    assert str(home.settings_file) in str(caught.value)


def test_reading_them_does_not_load_pydantic() -> None:
    script = "import sys, polotui.core.settings.face; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
