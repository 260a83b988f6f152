"""What the syslog input is made of: from messages to events, and their times.

May import the protocols and all below them. Knows no sockets, so that workers can use it.
"""
