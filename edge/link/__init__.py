"""MQTT 5: the connection, the outbox, commands, and the client of the other side."""
