"""What the beats input is made of: the server that owns windows and acknowledgements, and the decoding of events.

May import the protocols and all below them. `events` knows no sockets, so that workers and other inputs can use it.
"""
