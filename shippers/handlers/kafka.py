"""The `logging` handler that ships records to a Kafka topic, for the kafka input.

    logging.getLogger().addHandler(KafkaHandler("kafka.example.org:9092", "apex-logs", fields={"service": "apex-api"}))

It needs the extra `kafka`, and is a module of its own so that nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shippers.addresses import addresses, joined
from shippers.handlers.brokers import Kafka, Security
from shippers.handlers.logs import NO_FIELDS, ShippingHandler
from shippers.handlers.transports import Pace

PORT = 9092
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class KafkaHandler(ShippingHandler):
    """Ships to a topic, each record as the envelope that Filebeat would write there."""

    def __init__(
        self,
        brokers: str | Sequence[str],
        topic: str,
        *,
        fields: Mapping[str, Any] = NO_FIELDS,
        security: Security = Security(),  # noqa: B008  (immutable)
        capacity: int = 10_000,
        pace: Pace = Pace(),  # noqa: B008  (immutable)
    ) -> None:
        """Raises `ValueError` for what is no address, or no topic."""
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            raise ValueError(f"{topic!r} cannot be the name of a topic: letters, digits, '.', '_', '-', at most 249")
        servers = [joined(address) for address in addresses(brokers, PORT)]
        super().__init__(Kafka(servers, topic, security), fields=fields, capacity=capacity, pace=pace)
