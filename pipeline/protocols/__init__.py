"""Bytes on the wire: lumberjack, bulk. Plain functions on values: no sockets, no clocks, no events' meaning."""
