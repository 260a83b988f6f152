"""What the jdbc input knows of databases: their URLs, reading rows, and the value that the next run begins with."""
