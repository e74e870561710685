package paidonce.peer;

import java.util.List;

/** What comes in on {@code pos.feeds}: a file's verdict, slices of its rows, its end. */
sealed interface FeedEvent {
    String partner();

    /** {@code first} and {@code last} are null where the file says no period. */
    record File(String partner, boolean readable, String content, Integer first, Integer last, boolean replaces)
            implements FeedEvent {}

    record Rows(String partner, List<Row> rows) implements FeedEvent {}

    record End(String partner) implements FeedEvent {}

    /** A row as read; null for what is missing. Numbers are millionths. */
    record Row(
            int recordNo,
            String document,
            String line,
            Integer date,
            String code,
            Long quantity,
            Long price,
            Long amount,
            String currency,
            String outletId,
            String outlet,
            String customer,
            String rep,
            List<String> serials,
            String original,
            Movement movement,
            int problems) {}

    enum Movement {
        SALE,
        RETURN,
        INTERNAL
    }
}
