"""What must never be lost? Databases behind one door, migrations, the candle store."""
