package paidonce.peer;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Was this unit already paid for? A sale that would be paid twice earns nothing. */
final class Units implements Processor<String, Sale.Event, Settlement, Out> {
    /** Every sale by its id, with what is decided about it. */
    static final String SALES = "sales";
    /** By hash of partner family, product and normal document: its lines. */
    static final String DOCUMENTS = "documents";
    /** By hash of product and serial number: the sale that has the unit. */
    static final String SERIALS = "serials";
    /** By hash of product, outlet, quantity and tier: lines without a mate in the other tier. */
    static final String TIERS = "tiers";
    /** By product, partner and calendar year: units sold. */
    static final String YEARS = "years";

    private static final int DOCUMENT_DAYS = 45;
    private static final int PAIR_DAYS = 60;

    private ProcessorContext<Settlement, Out> context;
    private KeyValueStore<Id, Verdict> sales;
    private KeyValueStore<Long, List<Line>> documents;
    private KeyValueStore<Long, Line> serials;
    private KeyValueStore<Long, List<Line>> tiers;
    private KeyValueStore<String, Year> years;
    private Reference reference;
    private long time;

    /** A sale in an index. */
    record Line(Id sale, int date, long reported, long goods) {
        static final Serde<Line> SERDE = Wire.serde(Line::write, Line::read);
        static final Serde<List<Line>> LIST = Wire.serde(
                (lines, to) -> Wire.list(lines, to, Line::write), from -> Wire.list(from, Line::read));

        static Line of(Sale sale) {
            return new Line(sale.id(), sale.date(), Id.hash(sale.partner(), sale.document()),
                    Id.hash(Long.toString(sale.quantity()), Long.toString(sale.amount()), sale.currency()));
        }

        private void write(Wire.Writer to) {
            sale.write(to);
            to.number(date).hash(reported).hash(goods);
        }

        private static Line read(Wire.Reader from) {
            return new Line(Id.read(from), from.small(), from.hash(), from.hash());
        }
    }

    @Override
    public void init(ProcessorContext<Settlement, Out> context) {
        this.context = context;
        sales = context.getStateStore(SALES);
        documents = context.getStateStore(DOCUMENTS);
        serials = context.getStateStore(SERIALS);
        tiers = context.getStateStore(TIERS);
        years = context.getStateStore(YEARS);
        reference = new Reference(context);
    }

    @Override
    public void process(Record<String, Sale.Event> record) {
        reference.refresh();
        time = record.timestamp();
        if (record.value().asserted()) {
            enter(record.value().sale());
        } else {
            leave(sales.get(record.value().sale().id()));
        }
    }

    private void enter(Sale sale) {
        Verdict verdict = new Verdict(sale);
        if (sale.isNone()) {
            find("DD-28", sale, "a stock movement, or signs that contradict each other");
            sales.put(sale.id(), verdict);
            return;
        }
        if (repeatsDocument(sale) | repeatsSerial(sale)) {
            verdict = verdict.repeating();
        } else if (!sale.isReturn()) {
            verdict = pair(verdict);
        }
        if (sale.isReturn() && !verdict.repeats() && !sale.original().isEmpty()) {
            verdict = takeBack(verdict);
        } else {
            grant(verdict, 1);
        }
        sales.put(sale.id(), verdict);
        if (counts(verdict)) {
            enterYear(sale, 1);
        }
    }

    /** What a sale has brought about is taken back; what it has held back stays held. */
    private void leave(Verdict verdict) {
        if (verdict == null) {
            return;
        }
        Sale sale = verdict.sale();
        sales.delete(sale.id());
        if (sale.isNone()) {
            return;
        }
        if (counts(verdict)) {
            enterYear(sale, -1);
        }
        if (verdict.taken().isEmpty()) {
            grant(verdict, -1);
        } else {
            giveBack(verdict, -1);
        }
        edit(documents, documentKey(sale, sale.document()), lines -> lines.removeIf(isOf(sale)));
        if (isTiered(sale)) {
            edit(tiers, tierKey(sale, isDistributor(sale)), lines -> lines.removeIf(isOf(sale)));
        }
        for (String serial : sale.serials()) {
            long life = Id.hash(sale.product(), serial);
            Line holder = serials.get(life);
            if (holder != null && holder.sale().equals(sale.id())) {
                serials.delete(life);
            }
        }
    }

    private static java.util.function.Predicate<Line> isOf(Sale sale) {
        return line -> line.sale().equals(sale.id());
    }

    // ---- the same sale again -------------------------------------------------------------------------------------

    /** Another document of the same normal form has the same goods within 45 days. */
    private boolean repeatsDocument(Sale sale) {
        Line own = Line.of(sale);
        long key = documentKey(sale, sale.document());
        List<Line> lines = documents.get(key);
        lines = lines == null ? new ArrayList<>(1) : lines;
        boolean repeats = lines.stream().anyMatch(line -> line.goods() == own.goods()
                && line.reported() != own.reported() && Math.abs(line.date() - own.date()) <= DOCUMENT_DAYS);
        lines.add(own);
        documents.put(key, lines);
        if (repeats) {
            find("DD-05", sale, "document " + sale.document() + " repeats a sale of another document");
        }
        return repeats;
    }

    private long documentKey(Sale sale, String document) {
        Partner partner = reference.partner(sale.partner());
        return Id.hash(partner.family(), sale.product(), normalDocument(document));
    }

    /** Case, punctuation, filling zeros, O for 0, I and L for 1 do not count. */
    static String normalDocument(String document) {
        StringBuilder normal = new StringBuilder(document.length());
        for (int i = 0; i < document.length(); i++) {
            char sign = Character.toUpperCase(document.charAt(i));
            if (!Character.isLetterOrDigit(sign)) {
                continue;
            }
            char folded = sign == 'O' ? '0' : sign == 'I' || sign == 'L' ? '1' : sign;
            boolean fills = folded == '0'
                    && (normal.isEmpty() || Character.isLetter(normal.charAt(normal.length() - 1)));
            if (!fills) {
                normal.append(folded);
            }
        }
        return normal.toString();
    }

    /** A serial number is sold that has not come back. */
    private boolean repeatsSerial(Sale sale) {
        boolean repeats = false;
        for (String serial : sale.serials()) {
            long life = Id.hash(sale.product(), serial);
            if (sale.isReturn()) {
                serials.delete(life);
            } else if (serials.putIfAbsent(life, Line.of(sale)) != null) {
                find("DD-06", sale, "serial number " + serial + " is sold already");
                repeats = true;
            }
        }
        return repeats;
    }

    // ---- two tiers -----------------------------------------------------------------------------------------------

    /** A distributor's line to an outlet and the outlet's own line, up to 60 days later, are the same units. */
    private Verdict pair(Verdict verdict) {
        Sale sale = verdict.sale();
        if (!isTiered(sale)) {
            return verdict;
        }
        boolean upper = isDistributor(sale);
        long others = tierKey(sale, !upper);
        List<Line> candidates = tiers.get(others);
        Line mate = candidates == null ? null : nearest(candidates, sale.date(), upper);
        if (mate == null) {
            edit(tiers, tierKey(sale, upper), lines -> lines.add(Line.of(sale)));
            return verdict;
        }
        candidates.remove(mate);
        tiers.put(others, candidates);
        boolean first = sale.date() != mate.date()
                ? sale.date() < mate.date()
                : sale.id().compareTo(mate.sale()) < 0;
        change(mate.sale(), other -> other.paired(!first));
        find("DD-08", sale, "two tiers report the same units");
        return verdict.paired(first);
    }

    private static Line nearest(List<Line> candidates, int date, boolean upper) {
        Line nearest = null;
        for (Line line : candidates) {
            int days = upper ? line.date() - date : date - line.date();
            boolean near = days >= 0 && days <= PAIR_DAYS;
            if (near && (nearest == null || days < Math.abs(nearest.date() - date))) {
                nearest = line;
            }
        }
        return nearest;
    }

    private boolean isDistributor(Sale sale) {
        return reference.partner(sale.partner()).isDistributor();
    }

    private String outlet(Sale sale) {
        return isDistributor(sale) ? sale.customer() : sale.outlet();
    }

    private boolean isTiered(Sale sale) {
        String outlet = outlet(sale);
        return reference.partner(sale.partner()).tiered() && sale.quantity() > 0
                && !outlet.isEmpty() && !outlet.startsWith("?");
    }

    private long tierKey(Sale sale, boolean upper) {
        return Id.hash(sale.product(), outlet(sale), Long.toString(sale.quantity()), upper ? "upper" : "lower");
    }

    // ---- returns -------------------------------------------------------------------------------------------------

    /** A return takes back what the lines of its document earned; without such a line it counts in its own period. */
    private Verdict takeBack(Verdict back) {
        Sale sale = back.sale();
        List<Line> lines = documents.get(documentKey(sale, sale.original()));
        List<Verdict> sold = new ArrayList<>();
        for (Line line : lines == null ? List.<Line>of() : lines) {
            Verdict verdict = sales.get(line.sale());
            if (verdict != null && !verdict.sale().isReturn() && !verdict.repeats()
                    && verdict.sale().partner().equals(sale.partner())) {
                sold.add(verdict);
            }
        }
        if (sold.isEmpty()) {
            grant(back, 1);
            return back;
        }
        Verdict taking = back.taking(take(sold, -sale.quantity()));
        giveBack(taking, 1);
        return taking;
    }

    /** Rather from one line that holds enough, else from each what it holds. */
    private List<Verdict.Part> take(List<Verdict> sold, long units) {
        List<Verdict.Part> parts = new ArrayList<>(1);
        for (Verdict line : sold) {
            if (line.left() >= units) {
                sales.put(line.sale().id(), line.leaving(line.left() - units));
                parts.add(new Verdict.Part(line.sale().id(), units));
                return parts;
            }
        }
        long wanted = units;
        for (Verdict line : sold) {
            long part = Math.min(line.left(), wanted);
            sales.put(line.sale().id(), line.leaving(line.left() - part));
            parts.add(new Verdict.Part(line.sale().id(), part));
            wanted -= part;
        }
        if (wanted > 0) {
            find("DQ-06", sold.get(0).sale(), "more was returned than sold");
        }
        return parts;
    }

    /** No more than a line's own price is taken back for its units. */
    private void giveBack(Verdict back, int sign) {
        Sale sale = back.sale();
        for (Verdict.Part part : back.taken()) {
            Verdict line = sales.get(part.sale());
            if (line == null || part.units() == 0) {
                continue;
            }
            if (sign < 0) {
                sales.put(part.sale(), line.leaving(line.left() + part.units()));
            }
            Sale sold = line.sale();
            long most = Math.abs(Money.share(sold.amount(), part.units(), sold.quantity()));
            long reported = Math.abs(Money.share(sale.amount(), part.units(), sale.quantity()));
            long amount = sale.currency().equals(sold.currency()) ? Math.min(reported, most) : most;
            for (Program program : line.pays(reference)) {
                send(program, sold, program.entitlement(-part.units(), -amount), sign);
            }
        }
    }

    // ---- more sold than shipped in -------------------------------------------------------------------------------

    private static boolean counts(Verdict verdict) {
        return !verdict.repeats() && !verdict.sale().misdated();
    }

    private void enterYear(Sale sale, int sign) {
        int calendar = LocalDate.ofEpochDay(sale.date()).getYear();
        String key = sale.product() + '|' + sale.partner() + '|' + calendar;
        Year before = years.get(key);
        Year year = (before == null ? Year.EMPTY : before).with(sale, sign);
        List<Id> named = year.tooMuch(reference.shipped(sale.partner(), sale.product(), calendar));
        for (Id line : year.named()) {
            if (!named.contains(line)) {
                change(line, verdict -> verdict.exceeding(false));
            }
        }
        for (Id line : named) {
            if (!year.named().contains(line)) {
                Verdict verdict = change(line, other -> other.exceeding(true));
                find("OP-20", verdict.sale(), "more was sold than shipped in");
            }
        }
        years.put(key, year.naming(named));
    }

    // ---- what is granted -----------------------------------------------------------------------------------------

    /** Changes what is decided about a sale, and what it is granted by that. */
    private Verdict change(Id sale, java.util.function.UnaryOperator<Verdict> how) {
        Verdict before = sales.get(sale);
        if (before == null) {
            return null;
        }
        Verdict after = how.apply(before);
        grant(before, -1);
        grant(after, 1);
        sales.put(sale, after);
        return after;
    }

    private void grant(Verdict verdict, int sign) {
        Sale sale = verdict.sale();
        for (Program program : verdict.pays(reference)) {
            send(program, sale, program.entitlement(sale.quantity(), sale.amount()), sign);
        }
    }

    /** {@code of}: the sale that says which period is meant. */
    private void send(Program program, Sale of, Entitlement entitlement, int sign) {
        Entitlement signed = sign < 0 ? entitlement.negated() : entitlement;
        context.forward(new Record<>(program.settlement(of, of.date()), new Out.ToLedger(signed), time));
    }

    private void find(String code, Sale sale, String message) {
        Out.Finding finding = new Out.Finding(code, sale.partner(), sale.fileNo(), sale.recordNo(), message);
        context.forward(new Record<>(null, new Out.Found(finding), time));
    }

    private static void edit(
            KeyValueStore<Long, List<Line>> store, long key, java.util.function.Consumer<List<Line>> edit) {
        List<Line> lines = store.get(key);
        lines = lines == null ? new ArrayList<>(1) : lines;
        edit.accept(lines);
        if (lines.isEmpty()) {
            store.delete(key);
        } else {
            store.put(key, lines);
        }
    }
}
