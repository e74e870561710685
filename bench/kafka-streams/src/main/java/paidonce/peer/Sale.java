package paidonce.peer;

import java.util.List;
import org.apache.kafka.common.serialization.Serde;

/** A normalized sale or return. Numbers are millionths, dates days since 1970. */
record Sale(
        Id id,
        String partner,
        int fileNo,
        int recordNo,
        String product,
        String document,
        String line,
        int date,
        long quantity,
        long price,
        long amount,
        String currency,
        String outlet,
        String customer,
        String rep,
        List<String> serials,
        String original,
        FeedEvent.Movement movement,
        boolean held,
        boolean misdated) {

    private static final FeedEvent.Movement[] MOVEMENTS = FeedEvent.Movement.values();

    static final Serde<Sale> SERDE = Wire.serde(Sale::write, Sale::read);

    boolean isReturn() {
        return quantity < 0;
    }

    /** A stock movement, or signs that contradict each other. */
    boolean isNone() {
        return movement == FeedEvent.Movement.INTERNAL
                || movement == FeedEvent.Movement.RETURN && quantity > 0
                || Long.signum(quantity) * Long.signum(amount) < 0;
    }

    void write(Wire.Writer to) {
        id.write(to);
        to.text(partner).number(fileNo).number(recordNo).text(product).text(document).text(line).number(date);
        to.number(quantity).number(price).number(amount).text(currency).text(outlet).text(customer).text(rep);
        to.texts(serials).text(original).number(movement.ordinal()).flag(held).flag(misdated);
    }

    static Sale read(Wire.Reader from) {
        return new Sale(
                Id.read(from), from.text(), from.small(), from.small(), from.text(), from.text(), from.text(),
                from.small(), from.number(), from.number(), from.number(), from.text(), from.text(), from.text(),
                from.text(), from.texts(), from.text(), MOVEMENTS[from.small()], from.flag(), from.flag());
    }

    /** The sale counts from here on, or no longer. */
    record Event(boolean asserted, Sale sale) {
        static final Serde<Event> SERDE = Wire.serde(
                (event, to) -> {
                    to.flag(event.asserted);
                    event.sale.write(to);
                },
                from -> new Event(from.flag(), Sale.read(from)));
    }
}
