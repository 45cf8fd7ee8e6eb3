"""One file per schema, never edited after its release."""
