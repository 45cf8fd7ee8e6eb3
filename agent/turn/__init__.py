"""The pure stages of one turn: values in, values out; no network, no disk, no clock."""
