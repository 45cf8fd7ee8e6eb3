"""The network: the only room that holds a key, opens a connection and judges what comes back."""
