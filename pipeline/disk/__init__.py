"""What the engine keeps in files. No events, no pipelines: bytes, positions, and what must survive a crash.

    segments, letters, removals, followed_letters    dead letters
    tailed_files, followed_file, sincedb             files that grow, and how far they were read
    read_files, archives, unpacking, tar_members, completion     files that are complete
    written_files, globs, chunks, folder_lock, file_layer        what is written; what the others share

May import `pipeline.errors`, and what unpacks. Paths are texts here: a scan meets many.
"""
