"""The wire, read tolerantly and written strictly. Pure: bytes in, values out."""
