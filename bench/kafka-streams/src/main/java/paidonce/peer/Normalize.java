package paidonce.peer;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Judges the rows of a file: each document line counts once, and a correction takes back what it restates. */
final class Normalize implements Processor<byte[], byte[], String, Out> {
    /** By partner: the file on its way. */
    static final String FILES = "files";
    /** By partner and hash of a file's content: which file had it first. */
    static final String CONTENTS = "contents";
    /** By partner, document and line: who holds it. */
    static final String LINES = "lines";

    /** Numbers of one row above this are not meant. */
    private static final long LARGEST = 1_000_000_000_000_000L;
    private static final int LATE_DAYS = 31;
    /** Header of the records that are no data: controls of the engine that shares the topic. */
    private static final String CONTROL = "k";

    private final FeedReader reader;
    private final Map<String, OpenFile> open = new HashMap<>();
    private ProcessorContext<String, Out> context;
    private KeyValueStore<String, OpenFile> files;
    private KeyValueStore<String, Integer> contents;
    private KeyValueStore<String, Held> lines;
    private Reference reference;

    /** {@code frame}: bytes in front of each datum that name its schema. */
    Normalize(int frame) {
        reader = new FeedReader(frame);
    }

    record OpenFile(int number, boolean skipped, boolean replaces, boolean dated, int first, int last) {
        static final Serde<OpenFile> SERDE = Wire.serde(
                (file, to) -> to.number(file.number).flag(file.skipped).flag(file.replaces).flag(file.dated)
                        .number(file.first).number(file.last),
                from -> new OpenFile(from.small(), from.flag(), from.flag(), from.flag(), from.small(), from.small()));
    }

    /** Who holds a line; {@code sale} is null for a row that is parked. */
    record Held(long content, int fileNo, Sale sale) {
        static final Serde<Held> SERDE = Wire.serde(
                (held, to) -> {
                    to.hash(held.content).number(held.fileNo).flag(held.sale != null);
                    if (held.sale != null) {
                        held.sale.write(to);
                    }
                },
                from -> new Held(from.hash(), from.small(), from.flag() ? Sale.read(from) : null));
    }

    @Override
    public void init(ProcessorContext<String, Out> context) {
        this.context = context;
        files = context.getStateStore(FILES);
        contents = context.getStateStore(CONTENTS);
        lines = context.getStateStore(LINES);
        reference = new Reference(context);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        if (record.headers().lastHeader(CONTROL) != null) {
            return;
        }
        reference.refresh();
        FeedEvent event = reader.read(record.value());
        if (event instanceof FeedEvent.File file) {
            open(file, record.timestamp());
        } else if (event instanceof FeedEvent.Rows rows) {
            OpenFile file = open.computeIfAbsent(rows.partner(), files::get);
            if (!file.skipped) {
                rows.rows().forEach(row -> take(rows.partner(), file, row, record.timestamp()));
            }
        }
    }

    private void open(FeedEvent.File file, long time) {
        OpenFile before = open.computeIfAbsent(file.partner(), files::get);
        int number = before == null ? 1 : before.number + 1;
        String content = file.partner() + '|' + file.content();
        Integer same = file.readable() ? contents.putIfAbsent(content, number) : null;
        if (same != null) {
            find("DD-01", file.partner(), number, 0, "file repeats file " + same, time);
        }
        boolean dated = file.first() != null;
        OpenFile opened = new OpenFile(number, !file.readable() || same != null, file.replaces(), dated,
                dated ? file.first() : 0, dated ? file.last() : 0);
        files.put(file.partner(), opened);
        open.put(file.partner(), opened);
    }

    private void take(String partner, OpenFile file, FeedEvent.Row row, long time) {
        if (row.problems() > 0 || isImmense(row.quantity()) || isImmense(row.price()) || isImmense(row.amount())) {
            find("DQ-10", partner, file.number, row.recordNo(), "row cannot be read", time);
            return;
        }
        long content = Id.hash(row.date().toString(), row.code(), String.valueOf(row.quantity()),
                String.valueOf(row.amount()));
        String line = row.line().isEmpty() ? "#" + Long.toHexString(content) : row.line();
        String key = partner + '|' + row.document() + '|' + line;
        Held holder = lines.get(key);
        if (holder != null && !file.replaces) {
            String code = holder.content == content ? "DD-02" : "DD-03";
            find(code, partner, file.number, row.recordNo(), "line stands in file " + holder.fileNo, time);
            return;
        }
        if (holder != null && holder.sale != null) {
            send(false, holder.sale, time);
        }
        Sale sale = sale(partner, file, row, line, time);
        lines.put(key, new Held(content, file.number, sale));
        if (sale != null) {
            send(true, sale, time);
        }
    }

    private static boolean isImmense(Long number) {
        return number != null && Math.abs(number) > LARGEST;
    }

    private Sale sale(String partner, OpenFile file, FeedEvent.Row row, String line, long time) {
        String product = reference.product(partner, row.code());
        if (product == null) {
            find("DQ-07", partner, file.number, row.recordNo(), "code " + row.code() + " is unknown", time);
            return null;
        }
        String currency = row.currency() != null ? row.currency() : reference.partner(partner).currency();
        boolean misdated = isMisdated(file, row.date());
        boolean held = misdated || currency.isEmpty();
        if (misdated) {
            find("DQ-03", partner, file.number, row.recordNo(), "date lies outside of the file's period", time);
        }
        if (isMisfit(row, currency)) {
            find("DQ-04", partner, file.number, row.recordNo(), "amount is not quantity times price", time);
            held = true;
        }
        long quantity = row.quantity() == null ? 0 : row.quantity();
        long price = row.price() != null ? row.price() : price(quantity, row.amount());
        long amount = row.amount() != null ? row.amount() : Money.times(quantity, price);
        String outlet = golden(reference.outlet(row.outletId(), row.outlet()), row.outlet());
        String customer = golden(reference.outlet("", row.customer()), row.customer());
        return new Sale(Id.of(partner, row.document(), line), partner, file.number, row.recordNo(), product,
                row.document(), line, row.date(), quantity, price, amount, currency, outlet, customer, row.rep(),
                row.serials(), row.original(), row.movement(), held, misdated);
    }

    private static long price(long quantity, Long amount) {
        return amount == null || quantity == 0 ? 0 : Math.abs(Money.share(1_000_000, amount, quantity));
    }

    /** A text that nobody knows is kept with a mark in front. */
    private static String golden(String known, String written) {
        if (known != null) {
            return known;
        }
        return written.isBlank() ? "" : "?" + written.strip().toLowerCase();
    }

    private static boolean isMisdated(OpenFile file, int date) {
        return file.dated && (date > file.last || date < file.first - LATE_DAYS);
    }

    /** Off by more than half a minor unit for each unit of quantity plus one. */
    private static boolean isMisfit(FeedEvent.Row row, String currency) {
        if (row.price() == null || row.amount() == null || row.quantity() == null || row.quantity() == 0) {
            return false;
        }
        long minor = (long) Math.pow(10, 6 - Money.digits(currency));
        long tolerance = Money.times(Math.abs(row.quantity()), minor / 2) + minor;
        return Math.abs(row.amount() - Money.times(row.quantity(), row.price())) > tolerance;
    }

    private void send(boolean asserted, Sale sale, long time) {
        context.forward(new Record<>(sale.product(), new Out.ToUnits(new Sale.Event(asserted, sale)), time));
    }

    private void find(String code, String partner, int fileNo, int recordNo, String message, long time) {
        Out.Finding finding = new Out.Finding(code, partner, fileNo, recordNo, message);
        context.forward(new Record<>(partner, new Out.Found(finding), time));
    }
}
