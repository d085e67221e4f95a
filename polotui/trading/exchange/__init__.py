"""The exchange venue: signed orders, what became of them, and whether our books and the exchange's agree.

token.py        the gate's proof that exactly these terms were approved
words.py        what the exchange's words mean for an order of ours
evidence.py     one order as the exchange states it becomes fills and a state, told in this order
venue.py        place, cancel, look up
resolve.py      orders whose fate is open are asked after until it is known
private.py      the account's stream, and what has to be fetched before it counts as live
reconcile.py    our folds against the exchange's balances
own.py          the gateway's blotter as what is known of our orders
desk.py          all of it put together, for the engine
halt.py         cancels everything, with a client and limits of its own
"""
