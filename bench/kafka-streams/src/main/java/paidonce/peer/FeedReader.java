package paidonce.peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.DecoderFactory;

/** Reads the Avro bytes of {@code contract/schemas/feed_event.avsc} straight into what the job needs. */
final class FeedReader {
    private static final FeedEvent.Movement[] MOVEMENTS = FeedEvent.Movement.values();
    private static final int READABLE = 0;

    private final int frame;
    private BinaryDecoder decoder;

    /** {@code frame}: bytes in front of each datum that name its schema. */
    FeedReader(int frame) {
        this.frame = frame;
    }

    FeedEvent read(byte[] bytes) {
        decoder = DecoderFactory.get().binaryDecoder(bytes, frame, bytes.length - frame, decoder);
        try {
            return switch (decoder.readIndex()) {
                case 0 -> file();
                case 1 -> rows();
                case 2 -> new FeedEvent.End(decoder.readString());
                default -> throw new IllegalStateException("a feed event is a file, rows or an end");
            };
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private FeedEvent file() throws IOException {
        String partner = decoder.readString();
        skipTexts(2);
        decoder.readLong();
        boolean readable = decoder.readEnum() == READABLE;
        decoder.skipString();
        decoder.readLong();
        decoder.readLong();
        String content = decoder.readString();
        boolean period = decoder.readIndex() == 1;
        Integer first = period ? decoder.readInt() : null;
        Integer last = period ? decoder.readInt() : null;
        decoder.skipString();
        return new FeedEvent.File(partner, readable, content, first, last, decoder.readBoolean());
    }

    private FeedEvent rows() throws IOException {
        String partner = decoder.readString();
        decoder.readLong();
        List<FeedEvent.Row> rows = new ArrayList<>(256);
        for (long count = decoder.readArrayStart(); count != 0; count = decoder.arrayNext()) {
            for (long i = 0; i < count; i++) {
                rows.add(row());
            }
        }
        return new FeedEvent.Rows(partner, rows);
    }

    private FeedEvent.Row row() throws IOException {
        int recordNo = Math.toIntExact(decoder.readLong());
        decoder.readLong();
        String document = decoder.readString();
        String line = decoder.readString();
        Integer date = decoder.readIndex() == 1 ? decoder.readInt() : null;
        decoder.skipString();
        String code = decoder.readString();
        decoder.skipString();
        Long quantity = decoder.readIndex() == 1 ? decoder.readLong() : null;
        Long price = decoder.readIndex() == 1 ? decoder.readLong() : null;
        Long amount = decoder.readIndex() == 1 ? decoder.readLong() : null;
        String currency = decoder.readIndex() == 1 ? decoder.readString() : null;
        String outletId = decoder.readString();
        String outlet = decoder.readString();
        decoder.skipString();
        String customer = decoder.readString();
        String rep = decoder.readString();
        skipTexts(3);
        List<String> serials = texts();
        String original = decoder.readString();
        skipTexts(2);
        FeedEvent.Movement movement = MOVEMENTS[decoder.readEnum()];
        return new FeedEvent.Row(
                recordNo, document, line, date, code, quantity, price, amount, currency, outletId, outlet, customer,
                rep, serials, original, movement, problems());
    }

    private List<String> texts() throws IOException {
        List<String> texts = List.of();
        for (long count = decoder.readArrayStart(); count != 0; count = decoder.arrayNext()) {
            texts = new ArrayList<>(texts);
            for (long i = 0; i < count; i++) {
                texts.add(decoder.readString());
            }
        }
        return texts;
    }

    private int problems() throws IOException {
        int problems = 0;
        for (long count = decoder.readArrayStart(); count != 0; count = decoder.arrayNext()) {
            for (long i = 0; i < count; i++) {
                skipTexts(4);
                problems++;
            }
        }
        return problems;
    }

    private void skipTexts(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            ((Decoder) decoder).skipString();
        }
    }
}
