"""What the rabbitmq input and the rabbitmq output have in common: where the broker is, consuming, publishing."""
