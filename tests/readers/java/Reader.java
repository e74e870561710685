import io.apicurio.registry.serde.SerdeConfig;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads topics of paidonce as a team with Java would: Kafka's own client with Apicurio's Avro deserializer.
 *
 * <p>{@code java -cp 'LIBRARIES/*' Reader.java BROKERS REGISTRY TOPIC...}
 *
 * <p>Does and prints what {@code reader.py} does and prints.
 */
public final class Reader {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    public static void main(String[] arguments) {
        Map<String, Object> settings = new HashMap<>();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, AvroKafkaDeserializer.class);
        settings.put(SerdeConfig.REGISTRY_URL, arguments[1]);
        // Confluent's wire format: a zero byte and four bytes of the content's id.
        settings.put(SerdeConfig.ENABLE_CONFLUENT_ID_HANDLER, true);
        settings.put(SerdeConfig.USE_ID, "contentId");
        try (KafkaConsumer<byte[], GenericRecord> consumer = new KafkaConsumer<>(settings)) {
            for (String topic : List.of(arguments).subList(2, arguments.length)) {
                read(consumer, topic);
            }
        }
    }

    private static void read(KafkaConsumer<byte[], GenericRecord> consumer, String topic) {
        List<TopicPartition> partitions = new ArrayList<>();
        consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        // With read_committed this is the first record of an open transaction, or the end.
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        // What each writer said last under each key; writers in their order.
        Map<String, TreeMap<String, Said>> said = new TreeMap<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
            for (ConsumerRecord<byte[], GenericRecord> record : consumer.poll(Duration.ofMillis(200))) {
                deadline = System.nanoTime() + PATIENCE.toNanos();
                String key = HexFormat.of().formatHex(record.key());
                String writer = HexFormat.of().formatHex(header(record, "o"));
                Said now = new Said(ByteBuffer.wrap(header(record, "n")).getLong(), record.value());
                // A writer numbers its records upwards: what is not above the last number has come before.
                said.computeIfAbsent(key, none -> new TreeMap<>())
                        .merge(writer, now, (before, after) -> after.number > before.number ? after : before);
            }
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(topic + ": nothing came for a minute, and the end was not reached");
            }
        }
        // A key is there as long as one writer holds it; of several the last in the line is heard.
        said.forEach((key, byWriter) -> byWriter.descendingMap().values().stream()
                .filter(one -> one.value != null)
                .findFirst()
                .ifPresent(one -> System.out.println("{\"topic\": " + text(topic) + ", \"key\": " + text(key)
                        + ", \"value\": " + json(one.value, one.value.getSchema()) + "}")));
    }

    private record Said(long number, GenericRecord value) {}

    private static byte[] header(ConsumerRecord<byte[], GenericRecord> record, String name) {
        Header header = record.headers().lastHeader(name);
        if (header == null) {
            throw new IllegalStateException("record without header " + name + " at offset " + record.offset());
        }
        return header.value();
    }

    private static String json(Object value, Schema schema) {
        switch (schema.getType()) {
            case RECORD: {
                GenericRecord record = (GenericRecord) value;
                List<String> fields = new ArrayList<>();
                for (Schema.Field field : schema.getFields()) {
                    fields.add(text(field.name()) + ": " + json(record.get(field.pos()), field.schema()));
                }
                return "{" + String.join(", ", fields) + "}";
            }
            case ARRAY: {
                List<String> items = new ArrayList<>();
                ((Iterable<?>) value).forEach(item -> items.add(json(item, schema.getElementType())));
                return "[" + String.join(", ", items) + "]";
            }
            case UNION: {
                // The schemas of views have no other unions than of null and one type.
                Schema some = schema.getTypes().stream().filter(type -> type.getType() != Schema.Type.NULL).findFirst().get();
                return value == null ? "null" : json(value, some);
            }
            case BYTES:
                return text(decimal((ByteBuffer) value, schema).toPlainString());
            case INT:
                return schema.getLogicalType() instanceof LogicalTypes.Date
                        ? text(LocalDate.ofEpochDay((int) value).toString())
                        : value.toString();
            case LONG:
            case BOOLEAN:
                return value.toString();
            default:
                return text(value.toString());
        }
    }

    private static BigDecimal decimal(ByteBuffer bytes, Schema schema) {
        byte[] unscaled = new byte[bytes.remaining()];
        bytes.duplicate().get(unscaled);
        return new BigDecimal(new BigInteger(unscaled), ((LogicalTypes.Decimal) schema.getLogicalType()).getScale());
    }

    private static String text(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < ' ') {
                quoted.append(String.format("\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }
}
