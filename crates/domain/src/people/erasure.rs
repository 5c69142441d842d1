//! Taking a person's name out of what people wrote.

/// What stands in the place of a name that was taken out.
pub const ERASED: &str = "[erased]";

/// `text` without `name`, where it stands as a word of its own; `None` where it does not.
///
/// A name within another word is another's: whoever takes out `al` leaves `alone` as it is.
pub fn without_name(text: &str, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let mut left = String::new();
    let mut told = 0;
    let mut searched = 0;
    while let Some(found) = text[searched..].find(name) {
        let (begin, end) = (searched + found, searched + found + name.len());
        let is_word =
            !is_part(text[..begin].chars().next_back()) && !is_part(text[end..].chars().next());
        if is_word {
            left.push_str(&text[told..begin]);
            left.push_str(ERASED);
            told = end;
        }
        searched = if is_word { end } else { begin + first_length(name) };
    }
    (told > 0).then(|| left + &text[told..])
}

fn first_length(name: &str) -> usize {
    name.chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_wherever_it_is_a_word() {
        let without = |text, name| without_name(text, name);

        let said = without("ada@shop.example wrote; ada@shop.example!", "ada@shop.example");
        assert_eq!(said.as_deref(), Some("[erased] wrote; [erased]!"));
        assert_eq!(without("al", "al").as_deref(), Some("[erased]"));
        assert_eq!(without("alone with al", "al").as_deref(), Some("alone with [erased]"));
        assert_eq!(without("für Zoë.", "Zoë").as_deref(), Some("für [erased]."));
        assert_eq!(without("aaa aa", "aa").as_deref(), Some("aaa [erased]"));
    }

    #[test]
    fn what_does_not_name_them_stays_as_it_is() {
        for (text, name) in [("alone", "al"), ("héal", "al"), ("", "al"), ("all", ""), ("é1", "1")]
        {
            assert_eq!(without_name(text, name), None, "{text} without {name}");
        }
    }
}
