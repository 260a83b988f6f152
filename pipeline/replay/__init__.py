"""Archived logs in place of a configuration's inputs.

    archives.py     where they lie: files, folders, globs, s3://, standard input; what names one
    entries.py      what is in one: unpacked, taken out of a tar, its kind found out
    kinds.py        Filebeat's envelopes, raw lines, exported documents, dead letters
    decoding.py     from the lines of each kind to events        times.py   the time of a line
    reading.py      entries to blocks of whole lines             checkpoint.py   how far each was delivered
    source.py       the two halves of an input                   alterations.py  what differs behind it
    progress.py  summary.py                                      what is told meanwhile and at the end

The blocks of archives are dealt like those of any input, so that one file is worked on by every worker. It may import
everything below it, and never the command line.
"""
