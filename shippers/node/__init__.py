"""`apex-logs ship`: follows files and sends their lines, as Filebeat does, and sends them again until they have ended.

    files --chunks--> formats --entries--> envelopes --batches--> lumberjack, or Kafka
      ^                                                                |
      +------------------- registry <---------- acknowledged ----------+

Imports `pipeline.protocols`, `pipeline.disk` and their errors, and nothing else of the engine: it has to be small.
"""
