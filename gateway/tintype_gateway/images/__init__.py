"""Image bytes, handled without decoding them."""
