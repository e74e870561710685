package paidonce.peer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/** The job on a small tenant: rows go in by the schema that the topic has, movements and findings come out. */
final class Site implements AutoCloseable {
    private static final Schema EVENTS = schema();

    private final TopologyTestDriver driver;
    private final TestInputTopic<byte[], byte[]> feeds;
    private final TestOutputTopic<String, Payee.Movement> movements;
    private final TestOutputTopic<String, Out.Finding> findings;

    Site() throws IOException {
        StreamsBuilder builder = new StreamsBuilder();
        Pipeline.build(builder, new Pipeline.Names("feeds", "reference", "movements", "findings", 1, 0));
        Properties settings = new Properties();
        settings.put("application.id", "test");
        settings.put("bootstrap.servers", "nowhere:1");
        settings.put("state.dir", Files.createTempDirectory("peer").toString());
        driver = new TopologyTestDriver(builder.build(), settings);
        var reference = driver.createInputTopic("reference", new StringSerializer(), new ByteArraySerializer());
        byte[] tenant = Site.class.getResourceAsStream("/tenant.json").readAllBytes();
        Reference.table(tenant).forEach(reference::pipeInput);
        feeds = driver.createInputTopic("feeds", new ByteArraySerializer(), new ByteArraySerializer());
        movements = driver.createOutputTopic(
                "movements", new StringDeserializer(), Payee.Movement.SERDE.deserializer());
        findings = driver.createOutputTopic("findings", new StringDeserializer(), Out.Finding.SERDE.deserializer());
    }

    /** A file of a partner with these rows. */
    void file(String partner, boolean replaces, GenericRecord... rows) {
        String content = partner + System.identityHashCode(rows);
        send(event("File", "verdict", verdict(partner, content, replaces)));
        GenericRecord slice = new GenericData.Record(branch("Rows").getField("slice").schema());
        slice.put("partner", partner);
        slice.put("slice", 0L);
        slice.put("rows", List.of(rows));
        send(event("Rows", "slice", slice));
        send(event("End", "partner", partner));
    }

    void file(String partner, GenericRecord... rows) {
        file(partner, false, rows);
    }

    void control() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("k", new byte[8]);
        feeds.pipeInput(new TestRecord<>(null, "no feed event".getBytes(StandardCharsets.UTF_8), headers));
    }

    static GenericRecord row(String document, int line, String date, String code, int quantity, String price) {
        GenericRecord row = new GenericData.Record(
                branch("Rows").getField("slice").schema().getField("rows").schema().getElementType());
        for (Schema.Field field : row.getSchema().getFields()) {
            switch (field.schema().getType()) {
                case STRING -> row.put(field.name(), "");
                case LONG -> row.put(field.name(), (long) line);
                case ARRAY -> row.put(field.name(), List.of());
                case ENUM -> row.put(field.name(), symbol(field, quantity < 0 ? "Return" : "Sale"));
                default -> row.put(field.name(), null);
            }
        }
        row.put("document", document);
        row.put("document_line", Integer.toString(line));
        row.put("date", (int) LocalDate.parse(date).toEpochDay());
        row.put("code", code);
        row.put("quantity", quantity * 1_000_000L);
        row.put("unit_price", millionths(price));
        row.put("amount", quantity * millionths(price));
        return row;
    }

    static GenericRecord with(GenericRecord row, String field, Object value) {
        row.put(field, value);
        return row;
    }

    /** What is due by program and payee, in whole minor units; nothing due is left out. */
    Map<String, String> due() {
        Map<String, Long> due = new TreeMap<>();
        movements.readValuesToList().forEach(movement -> {
            Settlement settlement = movement.settlement();
            due.merge(settlement.program() + " " + settlement.beneficiary() + " " + settlement.period(),
                    movement.amount(), Long::sum);
        });
        Map<String, String> shown = new TreeMap<>();
        due.forEach((key, amount) -> {
            if (amount != 0) {
                shown.put(key, java.math.BigDecimal.valueOf(amount, 6).setScale(2).toPlainString());
            }
        });
        return shown;
    }

    List<String> findings() {
        return findings.readValuesToList().stream().map(Out.Finding::code).toList();
    }

    @Override
    public void close() {
        driver.close();
    }

    private void send(GenericRecord event) {
        feeds.pipeInput(encode(event));
    }

    private static byte[] encode(GenericRecord event) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
            new GenericDatumWriter<GenericRecord>(EVENTS).write(event, encoder);
            encoder.flush();
            return bytes.toByteArray();
        } catch (IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }

    private static GenericRecord event(String name, String field, Object value) {
        GenericRecord event = new GenericData.Record(branch(name));
        event.put(field, value);
        return event;
    }

    private static GenericRecord verdict(String partner, String content, boolean replaces) {
        GenericRecord verdict = new GenericData.Record(branch("File").getField("verdict").schema());
        for (Schema.Field field : verdict.getSchema().getFields()) {
            switch (field.schema().getType()) {
                case STRING -> verdict.put(field.name(), "");
                case LONG -> verdict.put(field.name(), 0L);
                case ARRAY -> verdict.put(field.name(), List.of());
                case ENUM -> verdict.put(field.name(), symbol(field, "Readable"));
                case BOOLEAN -> verdict.put(field.name(), replaces);
                default -> verdict.put(field.name(), null);
            }
        }
        verdict.put("partner", partner);
        verdict.put("content", content);
        return verdict;
    }

    private static Object symbol(Schema.Field field, String name) {
        return new GenericData.EnumSymbol(field.schema(), name);
    }

    private static Schema branch(String name) {
        return EVENTS.getTypes().stream().filter(type -> type.getName().equals(name)).findFirst().orElseThrow();
    }

    private static long millionths(String decimal) {
        return new java.math.BigDecimal(decimal).movePointRight(6).longValueExact();
    }

    private static Schema schema() {
        try {
            return new Schema.Parser().parse(Path.of("../../contract/schemas/feed_event.avsc").toFile());
        } catch (IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }
}
