"""The command line: arguments in, exit code out. 0 done, 1 failed while running, 2 wrong usage or configuration."""
