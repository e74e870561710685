package paidonce.peer;

import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The job: rows by partner, sales by product, entitlements by settlement, amounts due by payee. */
final class Pipeline {
    private Pipeline() {}

    /** Topics, partitions of each, and bytes in front of each datum of the input. */
    record Names(String input, String reference, String movements, String findings, int partitions, int frame) {}

    static void build(StreamsBuilder builder, Names names) {
        Reference.addTo(builder, names.reference);
        var rows = builder.stream(names.input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()));
        var judged = split(rows.process(normalize(names.frame), Named.as("normalize")), "normalized-", names.findings);
        var sales = judged.get("normalized-data")
                .mapValues(out -> ((Out.ToUnits) out).event())
                .repartition(by("sales", Serdes.String(), Sale.Event.SERDE, names));
        var granted = split(sales.process(units(), Named.as("units")), "granted-", names.findings);
        granted.get("granted-data")
                .mapValues(out -> ((Out.ToLedger) out).entitlement())
                .repartition(by("entitlements", Settlement.SERDE, Entitlement.SERDE, names))
                .groupByKey()
                .aggregate(() -> Entitlement.NOTHING, (settlement, line, sums) -> sums.plus(line),
                        Materialized.<Settlement, Entitlement, KeyValueStore<Bytes, byte[]>>as("settlements")
                                .withKeySerde(Settlement.SERDE).withValueSerde(Entitlement.SERDE).withCachingEnabled())
                .toStream()
                .process(Ledger::new, Named.as("ledger"))
                .repartition(by("due", Serdes.String(), Settlement.Due.SERDE, names))
                .process(payee(), Named.as("payee"))
                .to(names.movements, Produced.with(Serdes.String(), Payee.Movement.SERDE));
    }

    private static <K, V> Repartitioned<K, V> by(String name, Serde<K> keys, Serde<V> values, Names names) {
        return Repartitioned.with(keys, values).withName(name).withNumberOfPartitions(names.partitions);
    }

    /** Sends findings to their topic; the rest is named by the prefix and {@code data}. */
    private static <K> Map<String, KStream<K, Out>> split(KStream<K, Out> said, String prefix, String findings) {
        return said.split(Named.as(prefix))
                .branch((key, out) -> out instanceof Out.Found, Branched.withConsumer(found -> found
                        .map((key, out) -> finding(((Out.Found) out).finding()))
                        .to(findings, Produced.with(Serdes.String(), Out.Finding.SERDE))))
                .defaultBranch(Branched.as("data"));
    }

    private static org.apache.kafka.streams.KeyValue<String, Out.Finding> finding(Out.Finding finding) {
        String key = finding.code() + '|' + finding.partner() + '|' + finding.fileNo() + '|' + finding.recordNo();
        return org.apache.kafka.streams.KeyValue.pair(key, finding);
    }

    /** What is due for a settlement's sums, once for each commit: the table in front keeps the latest. */
    private static final class Ledger implements Processor<Settlement, Entitlement, String, Settlement.Due> {
        private ProcessorContext<String, Settlement.Due> context;
        private Reference reference;

        @Override
        public void init(ProcessorContext<String, Settlement.Due> context) {
            this.context = context;
            reference = new Reference(context);
        }

        @Override
        public void process(Record<Settlement, Entitlement> record) {
            reference.refresh();
            Settlement settlement = record.key();
            Program program = reference.program(settlement.program(), settlement.version());
            long due = program.due(record.value(), settlement.currency());
            context.forward(new Record<>(
                    settlement.beneficiary(), new Settlement.Due(settlement, due), record.timestamp()));
        }
    }

    private static ProcessorSupplier<byte[], byte[], String, Out> normalize(int frame) {
        return with(() -> new Normalize(frame),
                kept(Normalize.FILES, Serdes.String(), Normalize.OpenFile.SERDE),
                kept(Normalize.CONTENTS, Serdes.String(), Serdes.Integer()),
                kept(Normalize.LINES, Serdes.String(), Normalize.Held.SERDE));
    }

    private static ProcessorSupplier<String, Sale.Event, Settlement, Out> units() {
        return with(Units::new,
                kept(Units.SALES, Wire.serde(Id::write, Id::read), Verdict.SERDE),
                kept(Units.DOCUMENTS, Serdes.Long(), Units.Line.LIST),
                kept(Units.SERIALS, Serdes.Long(), Units.Line.SERDE),
                kept(Units.TIERS, Serdes.Long(), Units.Line.LIST),
                kept(Units.YEARS, Serdes.String(), Year.SERDE));
    }

    private static ProcessorSupplier<String, Settlement.Due, String, Payee.Movement> payee() {
        return with(Payee::new,
                kept(Payee.ACCRUED, Settlement.SERDE, Serdes.Long()),
                kept(Payee.BALANCES, Serdes.String(), Serdes.Long()));
    }

    private static <K, V> StoreBuilder<KeyValueStore<K, V>> kept(String name, Serde<K> keys, Serde<V> values) {
        return Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), keys, values).withCachingEnabled();
    }

    private static <K, V, L, W> ProcessorSupplier<K, V, L, W> with(
            ProcessorSupplier<K, V, L, W> made, StoreBuilder<?>... stores) {
        return new ProcessorSupplier<>() {
            @Override
            public Processor<K, V, L, W> get() {
                return made.get();
            }

            @Override
            public Set<StoreBuilder<?>> stores() {
                return Set.of(stores);
            }
        };
    }
}
