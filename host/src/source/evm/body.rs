//! Bodies of HTTP answers, and why there is none.

use std::io::Read;

use super::fault::Fault;

/// Decompresses a body, up to a largest size in bytes.
///
/// # Errors
/// If it is no gzip, is cut off, or inflates beyond that size.
pub(super) fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    let mut inflated = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(most as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|error| Fault::Unreadable(format!("it is no gzip: {error}")))?;
    if inflated.len() > most { Err(Fault::TooLarge(most)) } else { Ok(inflated) }
}

/// An error with what caused it: "error sending request" alone helps nobody.
pub(super) fn causes(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_body_that_inflates_beyond_the_largest_answer_is_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&[b' '; 100_000]).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(inflate(&packed, 100_000).unwrap().len(), 100_000);
        assert!(matches!(inflate(&packed, 99_999), Err(Fault::TooLarge(99_999))));
        assert!(matches!(inflate(b"{}", 100), Err(Fault::Unreadable(_))));
        assert!(matches!(inflate(&packed[..packed.len() / 2], 100_000), Err(Fault::Unreadable(_))), "cut off");
    }
}
