package paidonce.peer;

import java.math.BigInteger;
import java.util.Currency;

/** Exact numbers: whole millionths, and products of two of them. */
final class Money {
    private static final long MILLION = 1_000_000;

    private Money() {}

    /** Digits of the currency's minor unit; two where there is no such currency. */
    static int digits(String currency) {
        try {
            return Math.max(0, Currency.getInstance(currency).getDefaultFractionDigits());
        } catch (IllegalArgumentException unknown) {
            return 2;
        }
    }

    /** From millionths of a millionth to millionths that are whole minor units, halves away from zero. */
    static long round(BigInteger value, String currency) {
        int digits = digits(currency);
        BigInteger whole = divide(value, BigInteger.TEN.pow(12 - digits));
        return whole.multiply(BigInteger.TEN.pow(6 - digits)).longValueExact();
    }

    /** The product of two numbers, halves away from zero. */
    static long times(long a, long b) {
        return share(a, b, MILLION);
    }

    /** {@code a × b / whole}, halves away from zero. */
    static long share(long a, long b, long whole) {
        long high = Math.multiplyHigh(a, b);
        long low = a * b;
        if (high == low >> 63 && low != Long.MIN_VALUE) {
            long quotient = low / whole;
            long rest = Math.abs(low % whole);
            boolean up = rest >= Math.abs(whole) - rest;
            return up ? quotient + Long.signum(low) * Long.signum(whole) : quotient;
        }
        return divide(BigInteger.valueOf(a).multiply(BigInteger.valueOf(b)), BigInteger.valueOf(whole)).longValueExact();
    }

    private static BigInteger divide(BigInteger value, BigInteger by) {
        BigInteger[] parts = value.abs().divideAndRemainder(by.abs());
        BigInteger whole = parts[1].shiftLeft(1).compareTo(by.abs()) >= 0 ? parts[0].add(BigInteger.ONE) : parts[0];
        return value.signum() * by.signum() < 0 ? whole.negate() : whole;
    }
}
