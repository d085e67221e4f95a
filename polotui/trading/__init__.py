"""What do we do? The ledger, the paper account, what it is all worth."""
