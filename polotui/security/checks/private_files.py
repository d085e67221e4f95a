"""Folders and files of the home belong to this user alone. Names the command that mends each."""

from __future__ import annotations

import shlex

from polotui.security.checks import bad, check, few, ok
from polotui.security.facts import Facts, Finding
from polotui.security.places import MOST_ENTRIES, Place

_STICKY = 0o1000


@check("private-files")
def look(facts: Facts) -> Finding:
    faults = [fault for place in facts.places.found if (fault := fault_of(place, facts.uid)) is not None]
    faults += [(f"{path} cannot be looked at", f"chmod u+rwX {shlex.quote(path)}") for path in facts.places.unread]
    if faults:
        texts, remedies = zip(*faults, strict=True)
        return bad(few(list(texts)), " && ".join(dict.fromkeys(remedies[:5])))
    own = sum(place.kind != "above" for place in facts.places.found)
    if not own:
        return ok("nothing is stored yet")
    return ok(f"all private, {own} looked at" + (f", more than {MOST_ENTRIES} are there" if facts.places.cut else ""))


def fault_of(place: Place, uid: int) -> tuple[str, str] | None:
    """What is wrong with a place, and the command that mends it; None when nothing is."""
    path, quoted = place.path, shlex.quote(place.path)
    if place.kind == "above":
        return _shared(place, uid)
    if place.is_link:
        return f"{path} is a link to somewhere else", f"rm {quoted}, then put the real one in its place"
    if place.uid != uid:
        return f"{path} belongs to another user (uid {place.uid})", f"sudo chown -R {uid} {quoted}"
    strangers = 0o022 if place.kind == "settings" else 0o077
    if place.mode & strangers:
        mode = "700" if place.kind == "folder" else "600"
        return f"{path} is open to others ({place.mode & 0o777:o})", f"chmod {mode} {quoted}"
    return None


def _shared(place: Place, uid: int) -> tuple[str, str] | None:
    """A folder above the home that strangers may write to. A user's own group of one is no stranger."""
    strangers = 0o002 if place.gid in (0, uid) else 0o022
    if place.is_link or place.mode & _STICKY or not place.mode & strangers:
        return None
    return f"{place.path}, above it, can be written by others", f"chmod go-w {shlex.quote(place.path)}"
