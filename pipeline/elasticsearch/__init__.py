"""A cluster from outside: its hosts, the options to reach it, the client, and what is set up in it."""
