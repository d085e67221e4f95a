"""Paper venues: orders that are matched here, with virtual money and real rules."""
