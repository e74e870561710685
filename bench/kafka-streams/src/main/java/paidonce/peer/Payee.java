package paidonce.peer;

import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Books what is due less what is accrued, and keeps each payee's balance. */
final class Payee implements Processor<String, Settlement.Due, String, Payee.Movement> {
    /** By settlement: what is accrued. */
    static final String ACCRUED = "accrued";
    /** By payee and currency: all that is accrued. */
    static final String BALANCES = "balances";

    private ProcessorContext<String, Movement> context;
    private KeyValueStore<Settlement, Long> accrued;
    private KeyValueStore<String, Long> balances;

    /** A change of what is due; amounts are millionths. */
    record Movement(Settlement settlement, long amount, long accrued, long balance) {
        static final Serde<Movement> SERDE = Wire.serde(
                (movement, to) -> {
                    movement.settlement.write(to);
                    to.number(movement.amount).number(movement.accrued).number(movement.balance);
                },
                from -> new Movement(Settlement.read(from), from.number(), from.number(), from.number()));
    }

    @Override
    public void init(ProcessorContext<String, Movement> context) {
        this.context = context;
        accrued = context.getStateStore(ACCRUED);
        balances = context.getStateStore(BALANCES);
    }

    @Override
    public void process(Record<String, Settlement.Due> record) {
        Settlement settlement = record.value().settlement();
        long due = record.value().amount();
        Long known = accrued.get(settlement);
        long change = due - (known == null ? 0 : known);
        if (change == 0) {
            return;
        }
        accrued.put(settlement, due);
        String account = record.key() + '|' + settlement.currency();
        Long before = balances.get(account);
        long balance = Math.addExact(before == null ? 0 : before, change);
        balances.put(account, balance);
        context.forward(record.withValue(new Movement(settlement, change, due, balance)));
    }
}
