package paidonce.peer;

import java.nio.charset.StandardCharsets;

/** 128 bits over what names a thing. */
record Id(long high, long low) implements Comparable<Id> {
    static Id of(String... parts) {
        return new Id(hash(0xcbf29ce484222325L, parts), hash(0x84222325cbf29ce4L, parts));
    }

    /** FNV-1a with a final mix; each part counts with its length. */
    static long hash(long seed, String... parts) {
        long hash = seed;
        for (String part : parts) {
            byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
            for (byte next : bytes) {
                hash = (hash ^ (next & 0xff)) * 0x100000001b3L;
            }
            hash = (hash ^ (0x100 | bytes.length)) * 0x100000001b3L;
        }
        hash ^= hash >>> 33;
        hash *= 0xff51afd7ed558ccdL;
        return hash ^ (hash >>> 29);
    }

    static long hash(String... parts) {
        return hash(0xcbf29ce484222325L, parts);
    }

    void write(Wire.Writer to) {
        to.hash(high).hash(low);
    }

    static Id read(Wire.Reader from) {
        return new Id(from.hash(), from.hash());
    }

    @Override
    public int compareTo(Id other) {
        int order = Long.compareUnsigned(high, other.high);
        return order != 0 ? order : Long.compareUnsigned(low, other.low);
    }
}
