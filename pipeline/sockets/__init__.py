"""Sockets that inputs share: listening, TLS, streams of senders that are not answered, datagrams, and what waits.

May import the protocols and all below them. What bytes mean is not known here: an input says where they may be cut.
"""
