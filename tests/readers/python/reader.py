"""Reads topics of paidonce as a finance team would: Confluent's client with its Avro deserializer.

    reader.py --brokers LIST [--registry URL] [--strict] TOPIC...

Reads each topic to its end, committed records alone, and prints what stands under each key as one JSON line: topic, key
(hexadecimal; empty where there is none), value. Decimals are printed as text, with all their digits, bytes as hexadecimal.
Without a registry no value is read, and none printed. With --strict it ends where a writer's numbers have a gap, or where a
record that comes again is not what it was; on topics that nothing was taken from yet.
"""

import argparse
import json
from datetime import date
from decimal import Decimal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--registry")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("topics", nargs="+")
    arguments = parser.parse_args()
    decode = AvroDeserializer(SchemaRegistryClient({"url": arguments.registry})) if arguments.registry else None
    consumer = Consumer(
        {
            "bootstrap.servers": arguments.brokers,
            "group.id": "finance",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # The end of a partition is told at once.
            "fetch.wait.max.ms": 10,
        }
    )
    for topic in arguments.topics:
        said = read(consumer, topic, Numbers(topic) if arguments.strict else None)
        context = SerializationContext(topic, MessageField.VALUE)
        for key in sorted(said):
            value = standing(said[key])
            if value is not None:
                told = plain(decode(value, context)) if decode else None
                print(json.dumps({"topic": topic, "key": key.hex(), "value": told}))
    consumer.close()


class Numbers:
    """What a writer's numbers promise: one upwards in each partition, and the same again where it comes again."""

    def __init__(self, topic):
        self.topic, self.told = topic, {}

    def see(self, partition, writer, number, record):
        told = self.told.setdefault((partition, writer), [])
        place = f"{self.topic}, partition {partition}, writer {writer.hex()}: record {number}"
        if number > len(told) + 1:
            raise SystemExit(f"{place} comes behind {len(told)}")
        if number == len(told) + 1:
            told.append(hash(record))
        elif told[number - 1] != hash(record):
            raise SystemExit(f"{place} comes again and differs")


def read(consumer, topic, numbers):
    """What each writer said last under each key: number and bytes, none where it withdrew."""
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    if not partitions:
        raise SystemExit(f"topic {topic} is not there")
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    open_ends, said = set(partitions), {}
    while open_ends:
        message = consumer.poll(60)
        if message is None:
            raise SystemExit(f"{topic}: nothing came for a minute, and the end was not reached")
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
            open_ends.discard(message.partition())
            continue
        headers = dict(message.headers())
        writer, number = headers["o"], int.from_bytes(headers["n"], "big")
        if numbers:
            numbers.see(message.partition(), writer, number, (message.key(), message.value()))
        by_writer = said.setdefault(message.key() or b"", {})
        # A writer numbers its records upwards: what is not above the last number has come before.
        if number > by_writer.get(writer, (0, None))[0]:
            by_writer[writer] = (number, message.value())
    return said


def standing(by_writer):
    """A key is there as long as one writer holds it; of several the last in the line is heard."""
    held = [value for _, (_, value) in sorted(by_writer.items()) if value is not None]
    return held[-1] if held else None


def plain(value):
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return value


if __name__ == "__main__":
    main()
