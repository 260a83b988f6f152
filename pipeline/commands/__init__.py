"""What each command of `apex-logs` does, under the command's name; each returns the exit code.

    run, worker                        pipelines in this process, or in several
    check, explain, test, plugins      a configuration looked at; nothing is sent
    search, tail, stats, indices, expire, explore    documents, in the embedded store or a cluster (asking, cluster)
    dlq_look, dlq_change, dlq_retry    dead letters (dlq_selection says which)
    replay_run, replay_request, replay_name          archives: the run, what was asked for, under which name it goes on
    queue, ship, setup_*               the queue on disk; the node's shipper; what clusters need before the pipeline

`arguments` reads the configuration for those that have one, `settings` reads the settings for those that need them
alone; `logs` and `repeats` are the program's own log. May import every room but `cli`.
"""
