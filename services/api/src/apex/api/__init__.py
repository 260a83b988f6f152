"""The instrumented API, `apex-api`: derives cabinets, keeps projects, writes reports, and can be watched while it does.

    __main__  worker  processes          the API with uvicorn, the Celery worker, and what both begin with
    application                          joins everything below into one FastAPI application
    endpoints                            what is asked over HTTP, one file a subject
    calculations  projects  reports      what is kept, and what is done with it
    services                             what endpoints are given: database, cache, queue, metrics, tracer
    database  cache  queue  external     the world outside; `asking`: questions that nobody waits long for
    requests  errors                     what holds for every request: its log line, its metrics, how a refusal reads
    logging  tracing  error_tracking  metrics  client_address
    cabinets  settings                   plain values and arithmetic

Imports point down only. Of this project it imports `shippers.handlers` and nothing else, and nothing imports it but
`shippers.demonstration`, as a process.
"""
