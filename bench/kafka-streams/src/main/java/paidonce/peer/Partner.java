package paidonce.peer;

import org.apache.kafka.common.serialization.Serde;

/**
 * A reporting partner.
 *
 * @param family the partner at the top of those that it belongs to
 * @param tiered both tiers of its catalogue report, so that two may report the same units
 * @param prefix stands in front of its product codes
 */
record Partner(
        String kind, String country, String region, String currency, String family, boolean tiered, String prefix) {
    static final Serde<Partner> SERDE = Wire.serde(
            (partner, to) -> to.text(partner.kind).text(partner.country).text(partner.region).text(partner.currency)
                    .text(partner.family).flag(partner.tiered).text(partner.prefix),
            from -> new Partner(
                    from.text(), from.text(), from.text(), from.text(), from.text(), from.flag(), from.text()));

    boolean isDistributor() {
        return kind.equals("distributor");
    }
}
