package paidonce.peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * What the manufacturer knows: products, outlets, partners, shipments, programs. A global table, looked up by exact keys.
 *
 * <p>Answers are kept on the heap for as long as the table's version stays: one look at the store for each record.
 */
final class Reference {
    static final String STORE = "reference";
    /** Changes with every publication; its record comes last. */
    static final String VERSION = "version";

    private static final String PROGRAMS = "programs";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final KeyValueStore<String, byte[]> store;
    private final Map<String, Optional<Object>> answers = new HashMap<>();
    private final Map<String, List<Program>> offers = new HashMap<>();
    private final Map<String, Program> versions = new HashMap<>();
    private byte[] version = {};
    private List<Program> programs = List.of();

    Reference(ProcessorContext<?, ?> context) {
        store = context.getStateStore(STORE);
    }

    static void addTo(StreamsBuilder builder, String topic) {
        var store = Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Serdes.ByteArray());
        builder.addGlobalStore(store, topic, Consumed.with(Serdes.String(), Serdes.ByteArray()), Writer::new);
    }

    private static final class Writer implements Processor<String, byte[], Void, Void> {
        private KeyValueStore<String, byte[]> store;

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            store = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, byte[]> record) {
            store.put(record.key(), record.value());
        }
    }

    /** To be called before the questions of one record. */
    void refresh() {
        byte[] now = store.get(VERSION);
        if (now == null) {
            throw new IllegalStateException("the table of reference data is empty");
        }
        if (Arrays.equals(now, version)) {
            return;
        }
        version = now;
        answers.clear();
        offers.clear();
        versions.clear();
        programs = programs(store.get(PROGRAMS));
        programs.forEach(program -> versions.put(program.id() + "|" + program.version(), program));
    }

    Partner partner(String id) {
        return ask(key("partner", id), bytes -> Partner.SERDE.deserializer().deserialize(null, bytes));
    }

    String category(String product) {
        String category = ask(key("product", product), Reference::text);
        return category == null ? "" : category;
    }

    /** The golden product of a partner's own code, else of the maker's. */
    String product(String partner, String code) {
        String prefix = partner(partner).prefix();
        String trimmed = code.trim();
        String written = trimmed.startsWith(prefix) ? trimmed.substring(prefix.length()) : trimmed;
        String own = ask(key("code", partner, written), Reference::text);
        return own != null ? own : ask(key("maker", normalCode(written)), Reference::text);
    }

    /** The golden outlet of an id or a name; null where nobody knows it. */
    String outlet(String id, String name) {
        String known = id.isEmpty() ? null : ask(key("outlet", id.trim()), Reference::text);
        return known != null || name.isEmpty() ? known : ask(key("outlet name", name.trim()), Reference::text);
    }

    /** Units shipped in to a partner in a year; null where nothing is known. */
    Long shipped(String partner, String product, int year) {
        String units = ask(key("shipped", partner, product, Integer.toString(year)), Reference::text);
        return units == null ? null : Long.valueOf(units);
    }

    Program program(String id, int version) {
        return versions.get(id + "|" + version);
    }

    /** Programs that a sale may earn under, by ledger key, then priority. */
    List<Program> programs(Sale sale) {
        Partner partner = partner(sale.partner());
        if (partner == null) {
            return List.of();
        }
        String category = category(sale.product());
        int month = Math.floorDiv(sale.date(), 31);
        String question = sale.product() + '|' + sale.partner() + '|' + month;
        List<Program> offered = offers.computeIfAbsent(question, any -> programs.stream()
                .filter(program -> program.from() <= month * 31 + 30 && month * 31 <= program.to())
                .toList());
        return offered.stream().filter(program -> program.selects(sale, category, partner)).toList();
    }

    @SuppressWarnings("unchecked")
    private <T> T ask(String key, Function<byte[], T> read) {
        Optional<Object> known = answers.get(key);
        if (known == null) {
            known = Optional.ofNullable(store.get(key)).map(read);
            answers.put(key, known);
        }
        return (T) known.orElse(null);
    }

    private static List<Program> programs(byte[] json) {
        try {
            List<Program> programs = new ArrayList<>();
            JSON.readTree(json).forEach(program -> programs.add(Program.of(program)));
            programs.sort(Comparator.comparing(Program::ledgerKey).thenComparing(Program::priority)
                    .thenComparing(Program::id).thenComparing(Program::version));
            return programs;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Every record of the table, made from {@code contract::Reference} as JSON; the version comes last. */
    static Map<String, byte[]> table(byte[] json) throws IOException {
        JsonNode reference = JSON.readTree(json);
        Map<String, byte[]> table = new LinkedHashMap<>();
        for (JsonNode product : reference.get("products")) {
            String id = product.get("id").asText();
            table.put(key("product", id), utf8(product.get("category").asText()));
            table.put(key("maker", normalCode(id.substring(id.indexOf('/') + 1))), utf8(id));
        }
        for (JsonNode code : reference.get("cross_references")) {
            table.put(key("code", code.get("partner").asText(), code.get("code").asText()),
                    utf8(code.get("product").asText()));
        }
        for (JsonNode outlet : reference.get("outlets")) {
            String id = outlet.get("id").asText();
            table.put(key("outlet", id.substring(id.indexOf('/') + 1)), utf8(id));
            // A name that two outlets share names none of them.
            String name = key("outlet name", outlet.get("name").asText());
            table.merge(name, utf8(id), (first, second) -> null);
        }
        for (JsonNode row : reference.get("shipments")) {
            table.put(key("shipped", row.get("partner").asText(), row.get("product").asText(), row.get("year").asText()),
                    utf8(row.get("units").asText()));
        }
        for (JsonNode partner : reference.get("partners")) {
            byte[] value = Partner.SERDE.serializer().serialize(null, partner(partner, reference));
            table.put(key("partner", partner.get("id").asText()), value);
        }
        table.put(PROGRAMS, JSON.writeValueAsBytes(reference.get("programs")));
        table.put(VERSION, utf8(Long.toHexString(Id.hash(new String(json, StandardCharsets.UTF_8)))));
        return table;
    }

    private static Partner partner(JsonNode partner, JsonNode reference) {
        JsonNode partners = reference.get("partners");
        String kind = partner.get("kind").asText();
        boolean tiered = false;
        JsonNode top = partner;
        for (JsonNode other : partners) {
            tiered |= other.get("source").equals(partner.get("source")) && !other.get("kind").asText().equals(kind);
        }
        for (int depth = 0; depth < partners.size(); depth++) {
            for (JsonNode other : partners) {
                top = other.get("id").equals(top.get("parent")) ? other : top;
            }
        }
        String prefix = "";
        for (JsonNode feed : reference.get("feeds")) {
            prefix = feed.get("partner").equals(partner.get("id")) ? feed.at("/code_rule/prefix").asText() : prefix;
        }
        return new Partner(kind, partner.get("country").asText(), partner.get("region").asText(),
                partner.path("currency").asText(""), top.get("id").asText(), tiered, prefix);
    }

    /** Letter case, dashes and spaces of the maker's codes do not count. */
    static String normalCode(String code) {
        StringBuilder normal = new StringBuilder(code.length());
        code.chars().filter(c -> c != '-' && !Character.isWhitespace(c) && c != 0xa0)
                .forEach(c -> normal.append((char) Character.toUpperCase(c)));
        return normal.toString();
    }

    private static String key(String... parts) {
        return String.join("\u0000", parts);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
