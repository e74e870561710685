package paidonce.peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigInteger;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** One effective-dated version of a program. Rates, caps and thresholds are millionths. */
record Program(
        String id,
        int version,
        int from,
        int to,
        Set<String> sources,
        Set<String> categories,
        Set<String> products,
        Set<String> excluded,
        Set<String> partners,
        Set<String> kinds,
        Set<String> regions,
        Way way,
        boolean byAmount,
        boolean percent,
        long rate,
        List<Tier> tiers,
        String cadence,
        Long perUnitCap,
        Long perTransactionCap,
        Long partnerPeriodCap,
        Long threshold,
        String group,
        int priority,
        String payTier) {

    enum Way {
        RATE,
        SPIFF,
        MARGINAL,
        RETROACTIVE
    }

    record Tier(long from, long rate) {}

    private static final BigInteger MILLION = BigInteger.valueOf(1_000_000);

    static Program of(JsonNode program) {
        JsonNode selector = program.get("selector");
        var named = program.get("mechanism").properties().iterator().next();
        JsonNode terms = named.getValue();
        boolean percent = named.getKey().equals("Percent") || terms.path("benefit").asText().equals("percent");
        Way way = switch (named.getKey()) {
            case "PerUnit", "Percent" -> Way.RATE;
            case "Spiff" -> Way.SPIFF;
            case "VolumeMarginal" -> Way.MARGINAL;
            case "VolumeRetroactive" -> Way.RETROACTIVE;
            default -> throw new IllegalArgumentException("mechanism " + named.getKey() + " is not known");
        };
        List<Tier> tiers = new ArrayList<>();
        terms.path("tiers").forEach(tier -> tiers.add(new Tier(tier.get("from").asLong(), tier.get("rate").asLong())));
        JsonNode caps = program.get("caps");
        return new Program(
                program.get("id").asText(), program.get("version").asInt(), program.get("from").asInt(),
                program.get("to").asInt(), texts(selector, "sources"), texts(selector, "categories"),
                texts(selector, "products"), texts(selector, "excluded_products"), texts(selector, "partners"),
                texts(selector, "partner_kinds"), texts(selector, "regions"), way,
                terms.path("measure").asText().equals("amount"), percent, terms.path("rate").asLong(), tiers,
                program.get("period").asText(), number(caps, "per_unit"), number(caps, "per_transaction"),
                number(caps, "partner_period"), number(program, "threshold"), text(program, "group"),
                program.get("priority").asInt(), text(program, "pay_tier"));
    }

    private static Set<String> texts(JsonNode of, String name) {
        Set<String> texts = new TreeSet<>();
        of.get(name).forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static Long number(JsonNode of, String name) {
        return of.hasNonNull(name) ? of.get(name).asLong() : null;
    }

    private static String text(JsonNode of, String name) {
        return of.hasNonNull(name) ? of.get(name).asText() : null;
    }

    boolean selects(Sale sale, String category, Partner partner) {
        String source = sale.product().substring(0, Math.max(0, sale.product().indexOf('/')));
        return from <= sale.date() && sale.date() <= to
                && (way != Way.SPIFF || !sale.rep().isEmpty())
                && admits(products, sale.product())
                && admits(categories, category)
                && admits(sources, source)
                && admits(partners, sale.partner())
                && admits(kinds, partner.kind())
                && (regions.isEmpty() || regions.contains(partner.country()) || regions.contains(partner.region()))
                && !excluded.contains(sale.product());
    }

    private static boolean admits(Set<String> wanted, String value) {
        return wanted.isEmpty() || wanted.contains(value);
    }

    /** Programs of one group compete: one of them pays for a sale. */
    String ledgerKey() {
        return group == null ? id : group;
    }

    Settlement settlement(Sale sale, int date) {
        String beneficiary = way == Way.SPIFF
                ? "person:" + sale.partner() + "/" + sale.rep()
                : "partner:" + sale.partner();
        return new Settlement(id, version, beneficiary, period(date), sale.currency());
    }

    private String period(int date) {
        LocalDate day = LocalDate.ofEpochDay(date);
        return switch (cadence) {
            case "month" -> "%04d-%02d".formatted(day.getYear(), day.getMonthValue());
            case "quarter" -> "%04d-Q%d".formatted(day.getYear(), (day.getMonthValue() - 1) / 3 + 1);
            default -> "%04d".formatted(day.getYear());
        };
    }

    /** What a line adds to the sums; its own benefit where caps hold for each line. */
    Entitlement entitlement(long quantity, long amount) {
        if (perUnitCap == null && perTransactionCap == null) {
            return new Entitlement(quantity, amount, BigInteger.ZERO);
        }
        BigInteger benefit = product(rate, percent ? amount : quantity);
        if (perUnitCap != null) {
            benefit = bound(benefit, product(perUnitCap, Math.abs(quantity)));
        }
        if (perTransactionCap != null) {
            benefit = bound(benefit, BigInteger.valueOf(perTransactionCap).multiply(MILLION));
        }
        return new Entitlement(quantity, amount, benefit);
    }

    private static BigInteger bound(BigInteger value, BigInteger limit) {
        return value.min(limit).max(limit.negate());
    }

    private static BigInteger product(long rate, long base) {
        return BigInteger.valueOf(rate).multiply(BigInteger.valueOf(base));
    }

    /** What is due for all that a settlement counts, rounded once, last. */
    long due(Entitlement sums, String currency) {
        long measured = way == Way.RATE || way == Way.SPIFF
                ? (percent ? sums.amount() : sums.quantity())
                : (byAmount ? sums.amount() : sums.quantity());
        BigInteger benefit = threshold != null && measured < threshold ? BigInteger.ZERO : earned(sums, measured);
        if (partnerPeriodCap != null) {
            benefit = benefit.min(BigInteger.valueOf(partnerPeriodCap).multiply(MILLION));
        }
        return Money.round(benefit, currency);
    }

    private BigInteger earned(Entitlement sums, long measured) {
        if (perUnitCap != null || perTransactionCap != null) {
            return sums.benefit();
        }
        return switch (way) {
            case RATE, SPIFF -> product(rate, measured);
            case RETROACTIVE -> product(rateAt(measured), percent ? sums.amount() : sums.quantity());
            case MARGINAL -> slices(measured);
        };
    }

    private long rateAt(long measured) {
        long reached = 0;
        for (Tier tier : tiers) {
            if (tier.from <= Math.max(measured, 0)) {
                reached = tier.rate;
            }
        }
        return reached;
    }

    private BigInteger slices(long measured) {
        BigInteger sum = BigInteger.ZERO;
        long low = Math.min(measured, 0);
        long high = Math.max(measured, 0);
        int sign = measured < 0 ? -1 : 1;
        for (int i = 0; i < tiers.size(); i++) {
            Tier tier = tiers.get(i);
            long start = i == 0 && tier.from <= 0 ? low : Math.max(tier.from, low);
            long end = i + 1 < tiers.size() ? Math.min(tiers.get(i + 1).from, high) : high;
            if (start < end) {
                sum = sum.add(product(tier.rate, sign * (end - start)));
            }
        }
        return sum;
    }
}
