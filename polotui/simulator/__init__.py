"""A Poloniex of one's own: what happens if I place this order, without money and without the network?

    serve          one port, REST and WebSocket, on the loop it is started on
    http socket    bytes: h11 and frames            routes* session  what may be asked, and how it is answered
    auth limits    who asks, and how often          streams shapes   who gets which frame, and how rows are spelled
    exchange       orders from place to last event  matching market  the book, its published window, trades, candles
    accounts       exact money                      rules orders     well-formed orders and their states
    market_model   the background's participants    history candles  a drawn year before the session
    recorded replay recordings in place of both     faults           what goes wrong on purpose
    smart          conditional orders               burst            as many updates as a socket takes

`Simulator(config, clock, chance).start(host, port)` runs it inside another program; `python -m polotui.simulator`
as a program of its own. It shares no matching and no money code with the rest of polotui, so that each can witness
against the other. Endpoints under `/_simulator/` (see `routes_control`) exist on loopback only.
"""
