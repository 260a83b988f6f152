"""What can be seen of running pipelines from outside: metrics, health, Logstash's monitoring API, traces,
and what systemd is told.

It reads counters when someone asks, and never writes one. It may import `runtime` and what is below it, and must never
be imported by any of that. Nothing here is imported before a pipeline runs, aiohttp not before the first request.
"""
