"""Faults that we make: a proxy that spoils connections, signals to every process, clocks that jump, disks that fail."""
