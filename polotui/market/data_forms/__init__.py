"""Files of candles, form by form: recognising them, reading each into the same rows, writing them."""
