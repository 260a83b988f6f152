"""Bytes on the wire and in batches: lumberjack, syslog, PROXY, bulk, Loki; messages and datagrams side by side.

Plain functions on values: bytes in, what they say out, and back. No sockets, no clocks, no configuration; what a
message means for an event is not known here.
"""
