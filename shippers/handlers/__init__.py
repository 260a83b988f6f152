"""What ships the logs of a Python program from inside it: `logging` handlers and a structlog processor.

    record -> Waiting -> Courier's thread -> Envelope -> Transport -> acknowledged: forgotten
              bounded    batches, pauses    JSON, id    lumberjack or Kafka

The program's threads do no more than format a record and put it in the queue; all else is the thread's. It imports
`pipeline.protocols` alone; what needs Kafka or structlog is in a module of its own, so that nobody else loads them.
"""
