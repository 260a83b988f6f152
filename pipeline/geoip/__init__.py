"""What the geoip filter knows: addresses as Java prints them, field layouts, databases, and answers ready-made.

May import the contracts and what is below them. A database is a file of the machine; nothing is asked of a network.
"""
