"""Archived logs in place of a configuration's inputs.

    archives.py  archive.py  objects.py          where they lie: files, folders, globs, standard input, S3
    entries.py  answers.py  kinds.py  looking.py what is in one: unpacked, out of a tar, of what kind
    reading.py  pace.py                          entries to blocks of whole lines, as fast as is wanted
    positions.py  checkpoint.py                  how far each entry was delivered
    decoding.py  enveloping.py  exported.py  times.py    from the lines of each kind to events
    source.py  engine.py                         the two halves of an input, in one process and in several
    alterations.py  dry.py                       what is different behind it
    progress.py  summary.py                      what is told meanwhile and at the end

The blocks of archives are dealt like those of any input, so that one file is worked on by every worker. It may import
everything below it, and never the command line.
"""
