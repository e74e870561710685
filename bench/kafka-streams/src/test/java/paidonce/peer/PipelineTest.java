package paidonce.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static paidonce.peer.Site.row;
import static paidonce.peer.Site.with;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PipelineTest {
    private static final String SHOP_BIKES = "BIKES partner:shop 2013-Q1";

    private Site site;

    @BeforeEach
    void open() throws IOException {
        site = new Site();
    }

    @AfterEach
    void close() {
        site.close();
    }

    private void check(Map<String, String> due, String... findings) {
        assertEquals(due, site.due());
        assertEquals(List.of(findings), site.findings());
    }

    @Test
    void oneProgramOfAGroupPays() {
        site.file("shop", row("A1", 1, "2013-02-01", "bk-1", 2, "500"), row("A1", 2, "2013-02-01", "own-1", 1, "500"));
        check(Map.of(SHOP_BIKES, "9.00"));
    }

    @Test
    void aLineCountsOnce() {
        site.file("shop", row("A1", 1, "2013-02-01", "BK-1", 2, "500"));
        site.file("shop", row("A1", 1, "2013-02-01", "BK-1", 2, "500"), row("A1", 1, "2013-02-01", "BK-1", 5, "500"));
        check(Map.of(SHOP_BIKES, "6.00"), "DD-02", "DD-03");
    }

    @Test
    void aCorrectionTakesBackWhatItRestates() {
        site.file("shop", row("A1", 1, "2013-02-01", "BK-1", 2, "500"), row("A1", 2, "2013-02-01", "BK-1", 1, "500"));
        site.file("shop", true, row("A1", 1, "2013-02-01", "BK-1", 7, "500"));
        check(Map.of(SHOP_BIKES, "24.00"));
    }

    @Test
    void controlsAndUnknownCodesEarnNothing() {
        site.control();
        site.file("shop", row("A1", 1, "2013-02-01", "BK-9", 2, "500"));
        check(Map.of(), "DQ-07");
    }

    @Test
    void amountsThatDoNotAgreeAreHeld() {
        site.file("shop", with(row("A1", 1, "2013-02-01", "BK-1", 2, "500"), "amount", 900_000_000L));
        check(Map.of(), "DQ-04");
    }

    @Test
    void aNearDuplicateDocumentEarnsNothing() {
        site.file("shop", row("INV-0012", 1, "2013-02-01", "BK-1", 4, "500"));
        site.file("shop", row("inv12", 1, "2013-02-20", "BK-1", 4, "500"), row("INV 12", 2, "2013-02-20", "BK-1", 1, "500"));
        check(Map.of(SHOP_BIKES, "15.00"), "DD-05");
    }

    @Test
    void aSerialNumberIsSoldOnceUntilItComesBack() {
        List<String> serials = List.of("S-77");
        site.file("shop", with(row("A1", 1, "2013-02-01", "BK-1", 1, "500"), "serials", serials));
        site.file("shop", with(row("B1", 1, "2013-02-05", "BK-1", 1, "510"), "serials", serials));
        site.file("shop", with(row("C1", 1, "2013-02-06", "BK-1", -1, "500"), "serials", serials));
        site.file("shop", with(row("D1", 1, "2013-02-07", "BK-1", 1, "520"), "serials", serials));
        check(Map.of(SHOP_BIKES, "3.00"), "DD-06");
    }

    @Test
    void oneTierIsPaid() {
        site.file("depot", with(row("D1", 1, "2013-02-01", "BK-1", 4, "400"), "customer", "Corner Shop"));
        site.file("shop", with(row("A1", 1, "2013-02-10", "BK-1", 4, "500"), "outlet", "Corner Shop"));
        check(Map.of(SHOP_BIKES, "12.00"), "DD-08");
    }

    @Test
    void aReturnTakesBackWhatItsSaleEarned() {
        site.file("shop", row("A1", 1, "2013-02-01", "BK-1", 4, "500"));
        site.file("shop", with(row("R1", 1, "2013-04-02", "BK-1", -3, "500"), "original_document", "A1"));
        check(Map.of(SHOP_BIKES, "3.00"));
    }

    @Test
    void moreReturnedThanSoldTakesBackNoMore() {
        site.file("shop", row("A1", 1, "2013-02-01", "BK-1", 4, "500"));
        site.file("shop", with(row("R1", 1, "2013-02-02", "BK-1", -9, "500"), "original_document", "A1"));
        check(Map.of(), "DQ-06");
    }

    @Test
    void theLargestLineIsHeldWhereMoreIsSoldThanShippedIn() {
        site.file("shop", row("A1", 1, "2013-02-01", "SK-1", 30, "9"), row("A2", 1, "2013-02-02", "SK-1", 40, "9"));
        check(Map.of("SOCKS partner:shop 2013-Q1", "28.00"));
        site.file("shop", row("A3", 1, "2013-02-03", "SK-1", 35, "9"));
        check(Map.of("SOCKS partner:shop 2013-Q1", "-3.00"), "OP-20");
    }

    @Test
    void theBandReachedPaysOnEverything() {
        site.file("shop", row("A1", 1, "2013-02-01", "HL-1", 1, "990"));
        check(Map.of("HELMETS partner:shop 2013-02", "9.90"));
        site.file("shop", row("A2", 1, "2013-02-02", "HL-1", 1, "110"));
        check(Map.of("HELMETS partner:shop 2013-02", "12.10"));
    }

    @Test
    void capsHoldForEachUnitAndLine() {
        site.file("shop", row("A1", 1, "2013-02-01", "FR-1", 2, "1000"), row("A2", 1, "2013-02-01", "FR-1", 9, "1000"));
        check(Map.of("FRAMES partner:shop 2013", "84.00"));
    }
}
