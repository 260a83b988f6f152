"""What is asked over HTTP, one file a subject. Each route gives its whole path: it is the `endpoint` of the metrics."""
