package paidonce.peer;

import org.apache.kafka.common.serialization.Serde;

/** What money is settled over: one program for one beneficiary in one period and one currency. */
record Settlement(String program, int version, String beneficiary, String period, String currency) {
    static final Serde<Settlement> SERDE = Wire.serde(Settlement::write, Settlement::read);

    void write(Wire.Writer to) {
        to.text(program).number(version).text(beneficiary).text(period).text(currency);
    }

    static Settlement read(Wire.Reader from) {
        return new Settlement(from.text(), from.small(), from.text(), from.text(), from.text());
    }

    /** All that is due now, in millionths. */
    record Due(Settlement settlement, long amount) {
        static final Serde<Due> SERDE = Wire.serde(
                (due, to) -> {
                    due.settlement.write(to);
                    to.number(due.amount);
                },
                from -> new Due(read(from), from.number()));
    }
}
