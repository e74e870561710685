package paidonce.peer;

import java.math.BigInteger;
import org.apache.kafka.common.serialization.Serde;

/**
 * By how much a sale changes what a settlement counts.
 *
 * @param benefit of the line under the caps on units and transactions, in millionths of a millionth; zero for programs
 *     that have none, whose benefit follows from the sums
 */
record Entitlement(long quantity, long amount, BigInteger benefit) {
    static final Serde<Entitlement> SERDE = Wire.serde(
            (line, to) -> to.number(line.quantity).number(line.amount).large(line.benefit),
            from -> new Entitlement(from.number(), from.number(), from.large()));

    static final Entitlement NOTHING = new Entitlement(0, 0, BigInteger.ZERO);

    Entitlement plus(Entitlement other) {
        return new Entitlement(
                Math.addExact(quantity, other.quantity), Math.addExact(amount, other.amount),
                benefit.add(other.benefit));
    }

    Entitlement negated() {
        return new Entitlement(-quantity, -amount, benefit.negate());
    }
}
