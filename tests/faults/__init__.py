"""Faults that we make: a proxy that spoils connections, signals to every process, a disk that is full."""
