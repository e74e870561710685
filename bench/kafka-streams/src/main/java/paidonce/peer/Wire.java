package paidonce.peer;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The compact form of what travels between the steps and lies in the stores: varints and lengths, no names. */
final class Wire {
    private Wire() {}

    static final class Writer {
        private byte[] bytes = new byte[256];
        private int length;

        Writer number(long value) {
            room(10);
            long zigzag = (value << 1) ^ (value >> 63);
            while ((zigzag & ~0x7fL) != 0) {
                bytes[length++] = (byte) (zigzag | 0x80);
                zigzag >>>= 7;
            }
            bytes[length++] = (byte) zigzag;
            return this;
        }

        /** A hash: eight bytes as they are. */
        Writer hash(long value) {
            room(8);
            for (int shift = 56; shift >= 0; shift -= 8) {
                bytes[length++] = (byte) (value >>> shift);
            }
            return this;
        }

        Writer flag(boolean value) {
            room(1);
            bytes[length++] = (byte) (value ? 1 : 0);
            return this;
        }

        Writer text(String value) {
            return bytes(value.getBytes(StandardCharsets.UTF_8));
        }

        Writer texts(List<String> values) {
            number(values.size());
            values.forEach(this::text);
            return this;
        }

        Writer large(BigInteger value) {
            return bytes(value.toByteArray());
        }

        private Writer bytes(byte[] value) {
            number(value.length);
            room(value.length);
            System.arraycopy(value, 0, bytes, length, value.length);
            length += value.length;
            return this;
        }

        private void room(int wanted) {
            if (length + wanted > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + wanted));
            }
        }

        private byte[] written() {
            return Arrays.copyOf(bytes, length);
        }
    }

    static final class Reader {
        private final byte[] bytes;
        private int at;

        Reader(byte[] bytes) {
            this.bytes = bytes;
        }

        long number() {
            long zigzag = 0;
            for (int shift = 0; ; shift += 7) {
                byte next = bytes[at++];
                zigzag |= (next & 0x7fL) << shift;
                if (next >= 0) {
                    return (zigzag >>> 1) ^ -(zigzag & 1);
                }
            }
        }

        int small() {
            return Math.toIntExact(number());
        }

        long hash() {
            long value = 0;
            for (int i = 0; i < 8; i++) {
                value = value << 8 | (bytes[at++] & 0xff);
            }
            return value;
        }

        boolean flag() {
            return bytes[at++] != 0;
        }

        String text() {
            int length = small();
            at += length;
            return new String(bytes, at - length, length, StandardCharsets.UTF_8);
        }

        List<String> texts() {
            int count = small();
            if (count == 0) {
                return List.of();
            }
            List<String> values = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                values.add(text());
            }
            return values;
        }

        BigInteger large() {
            int length = small();
            at += length;
            return new BigInteger(bytes, at - length, length);
        }
    }

    static <T> Serde<T> serde(BiConsumer<T, Writer> write, Function<Reader, T> read) {
        return Serdes.serdeFrom(
                (topic, value) -> {
                    if (value == null) {
                        return null;
                    }
                    Writer writer = new Writer();
                    write.accept(value, writer);
                    return writer.written();
                },
                (topic, bytes) -> bytes == null ? null : read.apply(new Reader(bytes)));
    }

    static <T> void list(List<T> values, Writer to, BiConsumer<T, Writer> write) {
        to.number(values.size());
        values.forEach(value -> write.accept(value, to));
    }

    static <T> List<T> list(Reader from, Function<Reader, T> read) {
        int count = from.small();
        List<T> values = new ArrayList<>(count + 1);
        for (int i = 0; i < count; i++) {
            values.add(read.apply(from));
        }
        return values;
    }
}
