"""What the jdbc input knows of databases: their URLs, reading rows, and the value that the next run begins with.

May import the contracts and what is below them. SQLAlchemy is an extra, and imported when a pipeline runs.
"""
