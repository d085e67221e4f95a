"""What do faces and engine say to each other?

Three kinds of thing cross the socket: *commands* (one request, one reply), *topics* (subscriptions) and the
*events* that arrive on them. Faces know nothing else of the engine, and every use case is a command, so that the
screen, the command line and a script give the same answer.

A new use case is a command struct in `commands.py`, its reply in `replies.py`, and one handler in
`polotui/engine/handlers/`. A new live value is an event struct in `events.py`.
"""

#: Raised when a struct changes in a way an older side would misread. Both sides state theirs in `Hello`.
PROTOCOL = 1
