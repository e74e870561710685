package paidonce.peer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;

/** Units of one product that one partner sold in a year, its largest lines, and those that are named as too much. */
record Year(long net, List<Large> largest, List<Id> named) {
    static final Year EMPTY = new Year(0, List.of(), List.of());
    static final Serde<Year> SERDE = Wire.serde(
            (year, to) -> {
                to.number(year.net);
                Wire.list(year.largest, to, Large::write);
                Wire.list(year.named, to, Id::write);
            },
            from -> new Year(from.number(), Wire.list(from, Large::read), Wire.list(from, Id::read)));

    private static final int LARGEST_KEPT = 8;
    private static final int NAMED_MAX = 4;

    record Large(long quantity, int date, Id sale) {
        static final Comparator<Large> FIRST_LARGEST = Comparator.comparingLong(Large::quantity).reversed()
                .thenComparingInt(Large::date).thenComparing(Large::sale);

        void write(Wire.Writer to) {
            to.number(quantity).number(date);
            sale.write(to);
        }

        static Large read(Wire.Reader from) {
            return new Large(from.number(), from.small(), Id.read(from));
        }
    }

    Year with(Sale sale, int sign) {
        long net = Math.addExact(this.net, sign * sale.quantity());
        Large line = new Large(sale.quantity(), sale.date(), sale.id());
        boolean small = largest.size() == LARGEST_KEPT
                && Large.FIRST_LARGEST.compare(largest.get(LARGEST_KEPT - 1), line) < 0;
        if (sale.quantity() <= 0 || small) {
            return new Year(net, largest, named);
        }
        List<Large> lines = new ArrayList<>(largest);
        if (sign > 0) {
            lines.add(line);
            lines.sort(Large.FIRST_LARGEST);
        } else {
            lines.remove(line);
        }
        return new Year(net, lines.subList(0, Math.min(lines.size(), LARGEST_KEPT)), named);
    }

    /** The largest lines, until without them there is not too much; none where nobody knows what was shipped in. */
    List<Id> tooMuch(Long shipped) {
        List<Id> lines = new ArrayList<>();
        if (shipped == null) {
            return lines;
        }
        long left = net;
        for (Large line : largest) {
            if (left <= shipped || lines.size() == NAMED_MAX) {
                break;
            }
            left -= line.quantity;
            lines.add(line.sale);
        }
        return lines;
    }

    Year naming(List<Id> named) {
        return new Year(net, largest, named);
    }
}
