//! When to send, and when to try again. Time is in nanoseconds of a clock that the caller reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// A token bucket that hands out places in a queue: who takes one is told when to send.
pub struct Bucket {
    interval_ns: f64,
    burst: f64,
    full_at_ns: Mutex<f64>, // when all tokens are back
}

impl Bucket {
    /// `rate` per second in the long run, up to `burst` at once.
    pub fn new(rate: f64, burst: i64) -> Bucket {
        Bucket { interval_ns: SECOND as f64 / rate, burst: burst as f64, full_at_ns: Mutex::new(0.0) }
    }

    /// When the next request may be sent; at or before `now_ns`: at once. Nothing, and no place is taken, when that would
    /// be after `until_ns`.
    pub fn take(&self, now_ns: i64, until_ns: i64) -> Option<i64> {
        let mut full_at_ns = self.full_at_ns.lock().ok()?;
        let full = full_at_ns.max(now_ns as f64) + self.interval_ns;
        let when = full - self.interval_ns * self.burst;
        if when > until_ns as f64 {
            return None;
        }
        *full_at_ns = full;
        Some(when as i64)
    }
}

/// How long to wait after attempt `attempt`, without Retry-After: it doubles each time, up to `most_s`, and half of it is
/// chance, so that many clients do not come back at the same moment. `chance` is in 0..1.
pub fn back_off_ns(attempt: i64, first_s: f64, most_s: f64, chance: f64) -> i64 {
    let whole_s = most_s.min(first_s * 2f64.powi(attempt.min(60) as i32 - 1));
    ((whole_s / 2.0 + whole_s / 2.0 * chance) * SECOND as f64) as i64
}

/// What a `Retry-After` header asks for in seconds: a number, or a date that is compared with `date`, the server's own
/// time, or with `now` where that is none. Nothing when it says nothing that can be read; never negative.
pub fn retry_after_s(header: &str, date: &str, now: i64) -> Option<f64> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(if header.len() > 9 { 1e9 } else { header.parse().ok()? });
    }
    let when = http_date(header)?;
    Some((when - http_date(date).unwrap_or(now)).max(0) as f64)
}

/// Seconds since 1970 of a date as HTTP writes it, e.g. "Sun, 06 Nov 1994 08:49:37 GMT".
pub fn http_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = text.trim();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = &text[from..to];
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let shape = text.len() == 29 && text.is_ascii();
    let part = |at: usize, expected: &str| text[at..at + expected.len()] == *expected;
    if !shape || !part(3, ", ") || !part(7, " ") || !part(11, " ") || !part(16, " ") || !part(25, " GMT") {
        return None;
    }
    if !part(19, ":") || !part(22, ":") {
        return None;
    }
    let month = MONTHS.find(&text[8..11]).filter(|at| at % 3 == 0)? as i64 / 3 + 1;
    let (day, year) = (number(5, 7)?, number(12, 16)?);
    let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
    if !(1..=31).contains(&day) || year < 1601 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Whether an answer says that the same may work later.
pub fn is_passing(status: i64) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Whether sending it twice does no more than sending it once.
pub fn is_idempotent(method: &str) -> bool {
    method != "POST" && method != "PATCH"
}

/// A new number in 0..1 with each call.
pub fn chance(now_ns: i64) -> f64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    // SplitMix64: good enough to spread clients, and it needs no seed beyond the time.
    let mut z = STATE.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(now_ns as u64);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        let bucket = Bucket::new(10.0, 3);
        let now = 5 * SECOND;
        for _ in 0..3 {
            assert!(bucket.take(now, now + SECOND).unwrap() <= now);
        }
        let next = |tenths: i64| {
            let when = bucket.take(now, now + SECOND).unwrap();
            assert!((when - (now + tenths * SECOND / 10)).abs() < 1000, "{when}");
        };
        next(1);
        next(2);
        assert_eq!(bucket.take(now, now + SECOND / 10), None);
        next(3); // the one that came too late took no place
        assert!(bucket.take(now + 10 * SECOND, now + 10 * SECOND).unwrap() <= now + 10 * SECOND);
    }

    #[test]
    fn pauses() {
        for attempt in 1..100 {
            let whole = 8f64.min(0.5 * 2f64.powi(attempt.min(60) as i32 - 1)) * SECOND as f64;
            assert!((back_off_ns(attempt, 0.5, 8.0, 0.0) as f64 - whole / 2.0).abs() < 10.0);
            assert!((back_off_ns(attempt, 0.5, 8.0, 1.0) as f64 - whole).abs() < 10.0);
        }
        let drawn: Vec<f64> = (0..1000).map(|_| chance(17)).collect();
        assert!(drawn.iter().all(|one| (0.0..1.0).contains(one)));
        assert!((drawn.iter().sum::<f64>() / 1000.0 - 0.5).abs() < 0.1);
    }

    #[test]
    fn dates() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        for wrong in [
            "",
            "1994",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nuv 1994 08:49:37 GMT",
            "Sun, 06 ovD 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sün, 06 Nov 1994 08:49:37 GM",
        ] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn retry_after() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after_s("120", "", 0), Some(120.0));
        assert_eq!(retry_after_s("99999999999999999999", "", 0), Some(1e9));
        assert_eq!(retry_after_s(date, "Sun, 06 Nov 1994 08:49:30 GMT", 0), Some(7.0));
        assert_eq!(retry_after_s(date, "", 784_111_770), Some(7.0));
        assert_eq!(retry_after_s(date, "", 784_111_780), Some(0.0));
        for wrong in ["", "-1", "soon", "1.5"] {
            assert_eq!(retry_after_s(wrong, "", 0), None);
        }
        assert!(is_passing(503) && !is_passing(501));
        assert!(is_idempotent("PUT") && !is_idempotent("PATCH"));
    }
}
