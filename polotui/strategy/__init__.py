"""What shall be traded? Documents (data, never code) and what runs them over candles."""
