package paidonce.peer;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;

/**
 * A sale as units keeps it, with what is decided about it.
 *
 * @param repeats it is another sale again, or sells a unit that is sold already
 * @param exceeds more was sold than shipped in, and it is one of the largest lines
 * @param tier how it stands to another tier's line of the same units
 * @param left units that no return has taken back yet
 * @param taken for a return: what it took from which sales
 */
record Verdict(Sale sale, boolean repeats, boolean exceeds, Tier tier, long left, List<Part> taken) {
    static final Serde<Verdict> SERDE = Wire.serde(Verdict::write, Verdict::read);

    private static final Tier[] TIERS = Tier.values();

    enum Tier {
        ALONE,
        FIRST,
        SECOND
    }

    record Part(Id sale, long units) {
        void write(Wire.Writer to) {
            sale.write(to);
            to.number(units);
        }

        static Part read(Wire.Reader from) {
            return new Part(Id.read(from), from.number());
        }
    }

    Verdict(Sale sale) {
        this(sale, false, false, Tier.ALONE, Math.max(0, sale.quantity()), List.of());
    }

    private void write(Wire.Writer to) {
        sale.write(to);
        to.flag(repeats).flag(exceeds).number(tier.ordinal()).number(left);
        Wire.list(taken, to, Part::write);
    }

    private static Verdict read(Wire.Reader from) {
        return new Verdict(Sale.read(from), from.flag(), from.flag(), TIERS[from.small()], from.number(),
                Wire.list(from, Part::read));
    }

    /** The programs that pay for it, one for each ledger key. */
    List<Program> pays(Reference reference) {
        if (sale.isNone() || sale.held() && !sale.isReturn() || repeats || exceeds) {
            return List.of();
        }
        List<Program> pays = new ArrayList<>();
        for (Program program : reference.programs(sale)) {
            boolean competes = !pays.isEmpty() && pays.get(pays.size() - 1).ledgerKey().equals(program.ledgerKey());
            if (!competes && paysTier(program, reference)) {
                pays.add(program);
            }
        }
        return pays;
    }

    private boolean paysTier(Program program, Reference reference) {
        return switch (tier) {
            case ALONE -> true;
            case FIRST, SECOND -> program.payTier() == null
                    ? tier == Tier.FIRST
                    : program.payTier().equals(reference.partner(sale.partner()).kind());
        };
    }

    Verdict repeating() {
        return new Verdict(sale, true, exceeds, tier, left, taken);
    }

    Verdict exceeding(boolean exceeds) {
        return new Verdict(sale, repeats, exceeds, tier, left, taken);
    }

    Verdict paired(boolean first) {
        return new Verdict(sale, repeats, exceeds, first ? Tier.FIRST : Tier.SECOND, left, taken);
    }

    Verdict unpaired() {
        return new Verdict(sale, repeats, exceeds, Tier.ALONE, left, taken);
    }

    Verdict leaving(long left) {
        return new Verdict(sale, repeats, exceeds, tier, left, taken);
    }

    Verdict taking(List<Part> taken) {
        return new Verdict(sale, repeats, exceeds, tier, left, taken);
    }
}
