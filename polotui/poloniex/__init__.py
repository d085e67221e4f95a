"""How does the exchange speak? Signing, REST, streams, wire messages, rate limits of Poloniex spot.

There is no withdrawal code here, and in this version no method that changes anything: every signed call is a GET.
"""
