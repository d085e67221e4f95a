"""Paper trading: venues that fill orders without sending any."""
