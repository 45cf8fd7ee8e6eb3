"""Type: fonts as data, and measuring, fitting, breaking and drawing with them. No idea of a picture."""
