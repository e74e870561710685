package paidonce.peer;

import org.apache.kafka.common.serialization.Serde;

/** What a step says: something for the next one, or a finding for people. */
sealed interface Out {
    record ToUnits(Sale.Event event) implements Out {}

    record ToLedger(Entitlement entitlement) implements Out {}

    record Found(Finding finding) implements Out {}

    /** An attempt against the terms, or a doubt about data. */
    record Finding(String code, String partner, int fileNo, int recordNo, String message) {
        static final Serde<Finding> SERDE = Wire.serde(
                (finding, to) -> to.text(finding.code).text(finding.partner).number(finding.fileNo)
                        .number(finding.recordNo).text(finding.message),
                from -> new Finding(from.text(), from.text(), from.small(), from.small(), from.text()));
    }
}
