/** Amounts as people read them. The server counts in integers; here they are only shown. */

const MICRO = 1_000_000;

/** Show micro-credits: `0.64 credits`. */
export function credits(micro) {
  const amount = creditAmount(micro);
  return `${amount} ${amount === '1' ? 'credit' : 'credits'}`;
}

/** Show micro-credits as a number of credits: `0.64`. */
export function creditAmount(micro) {
  if (micro > 0 && micro < 100) return '<0.0001';
  const value = micro / MICRO;
  return number(value, Math.abs(value) < 1 ? 4 : 2);
}

/** Show micro-credits as USD, at so many of them for a dollar: `$0.04`. */
export function usd(micro, microPerUsd) {
  return dollars(micro / microPerUsd);
}

/** Show an amount of USD with as many digits as it needs, and two at least: `$0.011`. */
export function dollars(amount) {
  if (amount > 0 && amount < 0.0001) return '<$0.0001';
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: amount < 1 ? 4 : 2 };
  return `$${amount.toLocaleString('en-US', digits)}`;
}

/** Show a number with a comma between thousands: `32,000`. */
export function number(value, digits = 0) {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** Show a number of bytes: `1.2 MB`. */
export function bytes(count) {
  if (count < 1000) return `${count} bytes`;
  return count < 1e6 ? `${number(count / 1e3)} kB` : `${number(count / 1e6, 1)} MB`;
}
