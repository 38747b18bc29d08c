//! Before and after the model, for texts: tokens from a text, a label from scores. Put your tokenizer here.

use lao_plugin::JsonObject;

/// What fills up the shorter texts of a batch.
pub const PADDING: i64 = 256;

/// Its first `most` bytes of UTF-8 as tokens, and how many there were in all.
pub fn tokens(text: &str, most: usize) -> (Vec<i64>, usize) {
    (text.bytes().take(most).map(i64::from).collect(), text.len())
}

/// All rows at one length, one after the other; `[rows, length]`.
pub fn padded(rows: &[Vec<i64>]) -> (Vec<i64>, [usize; 2]) {
    let length = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let mut all = Vec::with_capacity(rows.len() * length);
    for row in rows {
        all.extend_from_slice(row);
        all.resize(all.len() + length - row.len(), PADDING);
    }
    (all, [rows.len(), length])
}

/// The best label, and every score by its label.
pub fn answer(scores: &[f32], labels: &[String]) -> JsonObject {
    let label = |place: usize| labels.get(place).cloned().unwrap_or_else(|| format!("class {place}"));
    let best =
        scores.iter().enumerate().fold(0, |best, (place, score)| if *score > scores[best] { place } else { best });
    let all = scores
        .iter()
        .enumerate()
        .fold(JsonObject::new(), |object, (place, score)| object.number(&label(place), f64::from(*score)));
    JsonObject::new().text("label", &label(best)).object("scores", all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_cut_and_padded() {
        assert_eq!(tokens("abc", 2), (vec![97, 98], 3));
        assert_eq!(padded(&[vec![1], vec![2, 3]]), (vec![1, PADDING, 2, 3], [2, 2]));
        assert_eq!(padded(&[vec![]]), (vec![PADDING], [1, 1]));
    }

    #[test]
    fn the_best_score_names_the_label() {
        let labels = ["a".to_string(), "b".to_string()];
        assert_eq!(answer(&[0.25, 0.75], &labels).finish().0, r#"{"label":"b","scores":{"a":0.25,"b":0.75}}"#);
        assert!(answer(&[1.0], &[]).finish().0.contains("class 0"));
    }
}
