"""What the loki output is made of: its options, and how an event becomes an entry of a stream. Knows no sockets."""
