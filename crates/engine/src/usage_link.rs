//! Parts of links to the page that shows usage.

/// A text as it stands in an address.
pub fn escape(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The parameter that lets only these values of an attribute pass. A comma within a value is told from
/// one between two by a backslash, as the page reads it.
pub fn filter(name: &str, values: &[String]) -> String {
    let kept = |value: &String| escape(&value.replace('\\', "\\\\").replace(',', "\\,"));
    let values: Vec<String> = values.iter().map(kept).collect();
    format!("&{}={}", escape(name), values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_comma_is_one_value() {
        let values = ["a,b".to_owned(), "c d".to_owned()];

        assert_eq!(filter("tag.team", &values), "&tag.team=a%5C%2Cb,c%20d");
    }
}
