"""The score's record: signed with a key of this home, so that a file or a message that claims «100» can be checked.

Decided here: the signature is an HMAC over the canonical bytes (msgpack of the record in its declared order), made with
a key that is drawn once per home and kept beside the data, private. It shows that an engine of this home said it, not
that the machine is honest: whoever owns the account owns the key.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import msgspec

from polotui.core.errors import StorageError
from polotui.core.files import write_private
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.security.score import CHECKS, SafetyScore, judge

_FORM = b"polotui.safety/1\0"
#: 50 letters and digits hold 258 bits.
_KEY_LENGTH = 50


class SignedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A score, the home it was taken in, and the signature over both."""

    home: str
    """The home's short name, as in its socket."""
    pid: int
    score: SafetyScore
    signature: str = ""


def key_file(home: Home) -> Path:
    return home.data / "safety.key"


def record_file(home: Home) -> Path:
    return home.data / "safety.json"


def read_key(home: Home) -> bytes | None:
    """The home's key; None when no engine ran here yet. Raises StorageError when it cannot be read."""
    path = key_file(home)
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"The key {path} cannot be read: {error.strerror}.", safe="Nothing was changed.") from error
    return key if len(key) >= _KEY_LENGTH else None


def make_key(home: Home, chance: Chance) -> bytes:
    """The home's key, drawn at the first call. A damaged one is replaced: old records then prove nothing any more."""
    key = read_key(home)
    if key is None:
        key = chance.token(_KEY_LENGTH).encode()
        write_private(key_file(home), key)
    return key


def sign(record: SignedRecord, key: bytes) -> SignedRecord:
    return msgspec.structs.replace(record, signature=_signature(record, key))


def verify(record: SignedRecord, key: bytes) -> bool:
    """True when the record is what was signed with `key`, and its verdict follows from its outcomes."""
    if not hmac.compare_digest(_signature(record, key).encode(), record.signature.encode()):
        return False
    score = record.score
    if len(score.outcomes) != len(CHECKS):
        return False
    try:
        return judge(score.outcomes, score.mode, score.at_ms) == score
    except ValueError:
        return False


def save(home: Home, record: SignedRecord) -> None:
    """Keeps the newest record, so that it can be shown when no engine runs."""
    write_private(record_file(home), msgspec.json.encode(record))


def load(home: Home) -> SignedRecord | None:
    """The last record of this home if its signature holds; None otherwise."""
    key = read_key(home)
    try:
        record = msgspec.json.decode(record_file(home).read_bytes(), type=SignedRecord)
    except (OSError, msgspec.DecodeError):
        return None
    return record if key is not None and verify(record, key) else None


def _signature(record: SignedRecord, key: bytes) -> str:
    body = msgspec.msgpack.encode(msgspec.structs.replace(record, signature=""))
    return hmac.new(key, _FORM + body, hashlib.sha256).hexdigest()
