"""The persistent queue on disk: bytes in, records out in their order, each until it has its end.

    queue            one queue in one folder: append, take, end, checkpoint
    pages            the files, and the records in them; drawn at the head of the file
    checkpoints      which records have their end, as it is on disk; `ended` is the same in memory
    survey, repair   every page read whole, and judged; a damaged queue made sound, and nothing deleted

Knows no events and no senders: what a record means, and who is told of it, is delivery's. May import `disk`.
"""
