//! Arrays within JSON, packed: `{"shape": [2, 3], "data": "..."}` with the elements, little-endian, in base64 (RFC 4648).

use lao_plugin::JsonValue;

/// Lengths of the axes, and the bytes of the elements. `None`: this is no such array.
pub fn unpack(value: &JsonValue) -> Option<(Vec<i64>, Vec<u8>)> {
    let lengths = value.get("shape")?.as_list()?;
    let shape: Vec<i64> =
        lengths.iter().map(|length| length.as_integer().filter(|length| *length >= 0)).collect::<Option<_>>()?;
    Some((shape, decode(value.get("data")?.as_text()?)?))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let padded = text.as_bytes();
    let digits = match padded.len() % 4 {
        0 => padded.strip_suffix(b"==").or(padded.strip_suffix(b"=")).unwrap_or(padded),
        _ => return None,
    };
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            bits = bits << 6 | digit_of(*digit)?;
        }
        let size = group.len() * 6 / 8;
        bits <<= 32 - group.len() * 6;
        bytes.extend_from_slice(&bits.to_be_bytes()[..size]);
    }
    Some(bytes)
}

fn digit_of(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for (text, bytes) in [("", ""), ("TQ==", "M"), ("TWE=", "Ma"), ("TWFu", "Man"), ("TWFuTQ==", "ManM")] {
            assert_eq!(decode(text), Some(bytes.as_bytes().to_vec()));
        }
        assert_eq!(decode("/+8="), Some(vec![0xFF, 0xEF]));
        for wrong in ["T", "TQ", "T===", "T!==", "=TQ="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
