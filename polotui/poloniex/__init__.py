"""How does the exchange speak? Signing, REST, streams, wire messages, rate limits of Poloniex spot."""
