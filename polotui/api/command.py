"""What every use case is made of: a struct that names its reply and the role it needs.

Roles from weak to strong: viewer, operator, trader, admin. In this version the caller's role is the socket's:
whoever may open it (same user) is admin, or viewer when the face said `read_only`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Role = Literal["viewer", "operator", "trader", "admin"]


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """Base of all commands."""

    reply: ClassVar[type]
    role: ClassVar[Role] = "viewer"
