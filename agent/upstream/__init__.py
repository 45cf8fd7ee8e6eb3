"""The network: the only room that holds a key, opens a connection and knows the SDK."""
