"""The command line: arguments in, exit code out. 0 done, 1 failed while running, 2 wrong usage or configuration.

Commands and their options are declared here, and `--help` must be quick: a declaration imports nothing of the engine
before it is called, and then what does the work, from `pipeline.commands`.
"""
